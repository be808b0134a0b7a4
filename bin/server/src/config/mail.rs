//! How mails leave.

use std::{fs, net::IpAddr};

use paylent_domain::hosts::Hosts;
use paylent_mail::{Credentials, Folder, Sender, Smtp, Tls, Transport};
use url::Url;

use super::{path, settings::Settings};

/// How mails leave.
#[derive(Debug, Clone)]
pub struct Mail {
    /// The way out. Without one, mails wait.
    pub transport: Option<Transport>,
    /// Whom they come from.
    pub from: Sender,
}

impl Mail {
    pub(super) fn read(settings: &mut Settings, hosts: Option<&Hosts>) -> Option<Self> {
        let host = hosts.and_then(|hosts| Url::parse(&hosts.base_url()).ok());
        let host = host.and_then(|url| url.domain().map(str::to_owned)).unwrap_or_else(|| "localhost".to_owned());
        settings.assume("mail.from", format!("no-reply@{host}"));
        let from = settings.read("mail.from", str::parse::<Sender>);
        let folder = settings.read_if_set("mail.directory", path);
        let smtp = smtp(settings, from.as_ref());
        let kind = settings.read_if_set("mail.transport", |text| match text {
            "smtp" | "file" => Ok(text.to_owned()),
            _ => Err("must be smtp or file"),
        });
        let (from, folder, smtp) = (from?, folder?, smtp?);
        let transport = match kind?.as_deref() {
            None if smtp.is_some() || folder.is_some() => {
                settings.miss("mail.transport", "must be set, or nothing else of mail");
                return None;
            }
            None => None,
            Some("file") => match folder {
                Some(folder) => Some(Transport::File(Folder::new(folder))),
                None => {
                    settings.miss("mail.directory", "must be set for the transport file");
                    return None;
                }
            },
            Some(_) => match smtp {
                Some(smtp) => Some(Transport::Smtp(smtp)),
                None => {
                    settings.miss("mail.host", "must be set for the transport smtp");
                    return None;
                }
            },
        };
        Some(Self { transport, from })
    }
}

/// The mail server, if one is named.
fn smtp(settings: &mut Settings, from: Option<&Sender>) -> Option<Option<Smtp>> {
    let host = settings.read_if_set("mail.host", |text| {
        let is_host = text.parse::<IpAddr>().is_ok() || url::Host::parse(text).is_ok();
        is_host.then(|| text.to_owned()).ok_or("must be a host such as mail.example.com")
    });
    let is_here = host.as_ref().is_some_and(|host| host.as_deref().is_none_or(Smtp::is_here));
    let tls = settings.read("mail.tls", |text| match text.parse()? {
        Tls::None if !is_here => Err("must be starttls or implicit, unless mail.host is this machine"),
        tls => Ok(tls),
    });
    let port = settings.read_if_set("mail.port", |text| {
        text.parse().ok().filter(|port| *port > 0).ok_or("must be a port such as 587")
    });
    let authorities =
        settings.read_if_set("mail.ca_file", |text| fs::read(text).map_err(|error| format!("cannot be read: {error}")));
    let username = settings.read_if_set("mail.username", |text| Ok::<_, String>(text.to_owned()));
    let password = settings.read_if_set("mail.password", |text| Ok::<_, String>(text.to_owned()));
    let (host, tls, port, authorities) = (host?, tls?, port?, authorities?);
    let credentials = match (username?, password?) {
        (Some(username), Some(password)) => Some(Credentials { username, password }),
        (None, None) => None,
        (Some(_), None) => {
            settings.miss("mail.password", "must be set with mail.username");
            return None;
        }
        (None, Some(_)) => {
            settings.miss("mail.username", "must be set with mail.password");
            return None;
        }
    };
    let hello = from?.domain().to_owned();
    Some(host.map(|host| Smtp { host, port: port.unwrap_or(tls.port()), tls, authorities, credentials, hello }))
}
