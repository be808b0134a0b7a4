// Comforts only: every page works without this script.
"use strict";

// The answer of response_mode=form_post. By prototype, because a field may be called "submit".
for (const form of document.querySelectorAll("form[data-submit]")) HTMLFormElement.prototype.submit.call(form);

for (const button of document.querySelectorAll("button[data-reveal]")) {
  const field = document.getElementById(button.dataset.reveal);
  const labels = { password: button.textContent, text: button.dataset.other };
  const become = (type) => {
    field.type = type;
    button.textContent = labels[type];
  };
  button.hidden = false;
  button.addEventListener("click", () => become(field.type === "password" ? "text" : "password"));
  // Browsers remember what was typed into text fields.
  field.form.addEventListener("submit", () => become("password"));
}

for (const button of document.querySelectorAll("button[data-copy]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    button.textContent = button.dataset.done;
    document.getElementById("copied").textContent = button.dataset.done;
  });
}

for (const time of document.querySelectorAll("time[datetime]")) {
  const moment = new Date(time.dateTime);
  if (Number.isNaN(moment.valueOf())) continue;
  const format = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "long" });
  time.textContent = format.format(moment);
}
