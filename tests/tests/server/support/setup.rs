//! What a test server is made of.

use actix_web::dev::ServerHandle;
use paylent_outbound::{self as outbound, Outbound};
use paylent_server::config::Mail;

use super::*;

pub async fn tenant(database: &TestDatabase, handle: &str) -> Tenant {
    Tenant { host: format!("{handle}.{BASE}"), seeded: seed::environment(&database.db(), handle).await }
}

fn passwords(setting: &Setting) -> PasswordPool {
    match setting.hashing {
        Some((slots, queue)) => PasswordPool::new(Passwords::default(), slots, queue),
        None => PasswordPool::new(Passwords::insecure_for_tests(), 2, PasswordPool::DEFAULT_QUEUE),
    }
}

pub fn rooms(db: Db, clock: Arc<FixedClock>, setting: &Setting) -> Rooms {
    let default = setting.default_environment.map(|handle| handle.parse().unwrap());
    let scheme = if setting.https { "https" } else { "http" };
    let hosts = Hosts::new(&format!("{scheme}://{BASE}"), default).unwrap();
    let master = MasterKey::from_base64(seed::MASTER_KEY).unwrap();
    Rooms {
        directory: Arc::new(Directory::new(hosts, clock.clone())),
        cursor_key: master.derive("cursors"),
        form_key: master.derive("forms"),
        letters: paylent_mail::LetterKey::new(&master),
        mail: Mail { transport: setting.mail.clone(), from: "no-reply@paylent.test".parse().unwrap() },
        passcodes: paylent_crypto::passcode::PasscodeKey::new(&master),
        keys: Arc::new(Keyring::new(master)),
        clock,
        outbound: Outbound::new(outbound::Options { allow_private: !setting.public_only, ..Default::default() })
            .unwrap(),
        passwords: passwords(setting),
        proxies: TrustedProxies::parse(setting.proxies.iter().copied()).unwrap(),
        limits: Limits {
            enabled: setting.limited,
            api: NonZeroU32::new(100).unwrap(),
            auth: NonZeroU32::new(10).unwrap(),
        },
        minimum_password: setting.minimum_password.unwrap_or(8),
        db,
    }
}

pub fn run(rooms: Rooms) -> (SocketAddr, ServerHandle, Arc<AtomicBool>) {
    let running = app::start(rooms, Listen { address: ([127, 0, 0, 1], 0).into(), workers: 1 }).unwrap();
    tokio::spawn(running.server);
    (running.address, running.handle, running.draining)
}

pub async fn machine_with(tenant: &Tenant, permissions: &[&str]) -> (String, String) {
    let env = &tenant.seeded.env;
    let (client, user, secret) = (
        seed::new_id(),
        seed::new_id(),
        paylent_crypto::secret::generate(paylent_crypto::secret::SecretKind::ClientSecret).unwrap(),
    );
    let machine = seed::machine(client, user, &secret);
    let client_id = machine.client_id.clone();
    env.register_client(machine, &seed::by()).await.unwrap();
    let role = paylent_storage::NewRole {
        id: seed::new_id(),
        name: format!("role of {client_id}"),
        description: None,
        permissions: permissions.iter().map(|name| (*name).to_owned()).collect(),
    };
    let role = env.create_role(role, &seed::by()).await.unwrap();
    let assignment = paylent_domain::role::UserRole {
        id: seed::new_id(),
        user_id: user,
        role_id: role.id,
        created_at: seed::by().at,
    };
    env.assign_role(assignment, &seed::by()).await.unwrap();
    let filter = paylent_storage::ResourceServerFilter { system: Some(true), ..Default::default() };
    let page = paylent_storage::Page { limit: 1, ..Default::default() };
    let api = env.resource_servers(filter, page).await.unwrap().rows.remove(0);
    let grant = paylent_storage::NewClientGrant {
        id: seed::new_id(),
        client_id: client,
        resource_server_id: api.id,
        allowed_scopes: None,
    };
    env.create_client_grant(grant, &seed::by()).await.unwrap();
    (client_id, secret.expose().to_owned())
}
