"""A mail server that keeps every mail it is given, as a mail server of the next hop does."""

import re
import time
from email import message_from_bytes, policy
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread

PATIENCE = 15


class Postbox(ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True

    def __init__(self, port):
        super().__init__(("127.0.0.1", port), Conversation)
        self.mails, self.read = [], 0
        Thread(target=self.serve_forever, daemon=True).start()

    def next(self, recipient, subject):
        """The text of the next mail, which has to go to this address with this in its subject."""
        until = time.monotonic() + PATIENCE
        while self.read == len(self.mails):
            assert time.monotonic() < until, f"no mail to {recipient} came"
            time.sleep(0.05)
        to, mail = self.mails[self.read]
        self.read += 1
        assert (to, mail["To"]) == ([recipient], recipient), (to, mail["To"])
        assert subject in mail["Subject"], mail["Subject"]
        return mail.get_body(("plain",)).get_content()

    def link(self, recipient, subject):
        """The link in the next mail."""
        (link,) = set(re.findall(r"https?://\S+token=\S+", self.next(recipient, subject)))
        return link

    def passcode(self, recipient, subject):
        (passcode,) = set(re.findall(r"\b[0-9]{6}\b", self.next(recipient, subject)))
        return passcode


class Conversation(StreamRequestHandler):
    """RFC 5321, as far as a client needs it."""

    def handle(self):
        self.say("220 postbox ESMTP")
        recipients = []
        while line := self.rfile.readline().decode().strip():
            verb = line.upper()
            if verb.startswith("DATA"):
                self.say("354 go on")
                self.server.mails.append((recipients, message_from_bytes(self.data(), policy=policy.default)))
                recipients = []
            elif verb.startswith("RCPT TO:"):
                recipients.append(re.search(r"<(.*)>", line)[1])
            self.say("221 bye" if verb == "QUIT" else "250 fine")

    def data(self):
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        return b"".join(lines)

    def say(self, line):
        self.wfile.write(line.encode() + b"\r\n")
