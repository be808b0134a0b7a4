//! English.

use super::{Texts, Words};

pub(super) const ENGLISH: Texts = Texts {
    greeting: "Hello,",
    copy_link: "If the button does not work, copy this address into your browser:",
    sent_by: "This mail was sent by {environment}. It cannot be answered.",
    minute: "1 minute",
    minutes: "{number} minutes",
    day: "1 day",
    days: "{number} days",
    once: "once",
    times: "{number} times",
    passcode: Words {
        subject: "Your code for {environment}",
        lead: "Enter this code to confirm your address at {environment}:",
        action: "",
        after: "The code is good for {time}. Give it to nobody. If you did not ask for it, you need to do nothing.",
    },
    already_registered: Words {
        subject: "You already have an account at {environment}",
        lead: "Somebody, probably you, wanted to register at {environment} with this address. There is an account with it \
               already, so nothing was changed. Sign in with your password; if you do not remember it, choose a new one.",
        action: "Choose a new password",
        after: "If it was not you, you need to do nothing.",
    },
    password_reset: Words {
        subject: "Choose a new password for {environment}",
        lead: "A new password was asked for your account at {environment}. With this link you can choose one.",
        action: "Choose a new password",
        after: "The link can be used once, within {time}. If you did not ask for it, you need to do nothing: your password \
                stays as it is.",
    },
    password_changed: Words {
        subject: "Your password for {environment} was changed",
        lead: "The password of your account at {environment} was changed. If it was you, you need to do nothing.",
        action: "Choose a new password",
        after: "If it was not you, choose a new password now.",
    },
    email_change: Words {
        subject: "Confirm your new address for {environment}",
        lead: "This address is to be used for an account at {environment}. Confirm that it is yours.",
        action: "Confirm the address",
        after: "The link can be used once, within {time}. If you did not ask for it, you need to do nothing.",
    },
    email_changed: Words {
        subject: "Your address for {environment} was changed",
        lead: "From now on, your account at {environment} has the address {email}. This address is not used for it any \
               more.",
        action: "",
        after: "If it was not you, tell those who run {environment} at once.",
    },
    invitation: Words {
        subject: "Invitation to {organization}",
        lead: "{inviter} invites you to join {organization} at {environment}.",
        action: "See the invitation",
        after: "It can be answered for {time}. If you do not want to join, you need to do nothing.",
    },
    invitation_by_nobody: Words {
        subject: "Invitation to {organization}",
        lead: "You are invited to join {organization} at {environment}.",
        action: "See the invitation",
        after: "It can be answered for {time}. If you do not want to join, you need to do nothing.",
    },
    sign_in_after_failures: Words {
        subject: "New sign-in to your account at {environment}",
        lead: "Somebody signed in to your account at {environment} from a browser that was not known, at the address {ip}. \
               Before that, a wrong password was entered {failures}. If it was you, you need to do nothing.",
        action: "Choose a new password",
        after: "If it was not you, choose a new password now.",
    },
    foreign_token_revoked: Words {
        subject: "A token of {application} was revoked",
        lead: "A token of the application {application} was used from the address {ip} at {at}. The address \
               is not on its list of allowed addresses, so the request was refused and the token was revoked. The \
               token began with {token}.",
        action: "",
        after: "If it was your own system, add its address to the list and get a new token, or let the person \
                authorize again. If it was not, find out how the token got there. For the next ten minutes there is \
                no other mail about this application.",
    },
    foreign_token_observed: Words {
        subject: "A token of {application} was used from another address",
        lead: "A token of the application {application} was used from the address {ip} at {at}. The address \
               is not on its list of allowed addresses. The list is only observed, so the request was accepted. The \
               token began with {token}.",
        action: "",
        after: "If it was your own system, add its address to the list. If it was not, revoke the token. For the next \
                ten minutes there is no other mail about this application.",
    },
    foreign_secret_refused: Words {
        subject: "The secret of {application} was used from another address",
        lead: "The client secret of the application {application} was used from the address {ip} at {at}. The address \
               is not on its list of allowed addresses, so no token was issued.",
        action: "",
        after: "If it was your own system, add its address to the list. If it was not, rotate the secret now. For the \
                next ten minutes there is no other mail about this application.",
    },
    foreign_secret_observed: Words {
        subject: "The secret of {application} was used from an address not listed",
        lead: "The client secret of the application {application} was used from the address {ip} at {at}. The address \
               is not on its list of allowed addresses. The list is only observed, so the request was answered.",
        action: "",
        after: "If it was your own system, add its address to the list. If it was not, rotate the secret now. For the \
                next ten minutes there is no other mail about this application.",
    },
    account_deleted: Words {
        subject: "Your account at {environment} was deleted",
        lead: "Your account at {environment} was deleted, as you asked.",
        action: "",
        after: "If it was not you, tell those who run {environment} at once.",
    },
};
