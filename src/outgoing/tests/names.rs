//! What a name may lead to, and whose fault it is when it leads nowhere.

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::rdata::A;
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use tokio::net::UdpSocket;

use super::*;
use crate::outgoing::resolver::lookup_by;

/// Two receivers on one port: at an address that the operator allowed, and at one that is forbidden.
async fn neighbours() -> (Receiver, Receiver) {
    loop {
        let forbidden = TcpListener::bind("127.0.0.1:0").await.unwrap();
        // The port may be taken there.
        if let Ok(allowed) = TcpListener::bind(("127.0.0.2", forbidden.local_addr().unwrap().port())).await {
            let talk = answer_each(answer("200 OK", &["connection: close"], "").into());
            return (
                Receiver::listening(allowed, None, talk),
                Receiver::listening(forbidden, None, answer_each(ok().into())),
            );
        }
    }
}

fn by_names(answers: &[Result<&[&str], NameFault>]) -> Outgoing {
    let rules = TargetRules { allow_http: true, allowed_networks: vec!["127.0.0.2/32".parse().unwrap()] };
    Outgoing::with_lookup(&settings(rules), names(answers)).unwrap()
}

#[tokio::test]
async fn a_receiver_is_reached_at_the_address_of_its_name_and_learns_the_name() {
    let (allowed, forbidden) = neighbours().await;
    let outgoing = by_names(&[Ok(&["127.0.0.2"])]);
    let outcome = post(&outgoing, &format!("http://hooks.example.com:{}/a?b=c", allowed.address.port())).await;
    assert_eq!((outcome.class, outcome.status), (AttemptOutcome::Delivered, Some(200)));
    let requests = allowed.requests();
    assert!(requests[0].starts_with("POST /a?b=c HTTP/1.1\r\n"), "{requests:?}");
    assert!(requests[0].contains(&format!("\r\nhost: hooks.example.com:{}\r\n", allowed.address.port())));
    assert_eq!((allowed.connections(), forbidden.connections()), (1, 0));
}

#[tokio::test]
async fn a_name_that_leads_elsewhere_at_the_second_look_is_refused_and_the_address_never_reached() {
    let (allowed, forbidden) = neighbours().await;
    let outgoing = by_names(&[Ok(&["127.0.0.2"]), Ok(&["127.0.0.1"]), Ok(&["127.0.0.2"])]);
    let url = format!("http://rebinding.example.com:{}/", allowed.address.port());
    let mut classes = Vec::new();
    for _ in 0..3 {
        classes.push(class(&outgoing, &url).await);
    }
    assert_eq!(classes, [AttemptOutcome::Delivered, AttemptOutcome::ForbiddenTarget, AttemptOutcome::Delivered]);
    assert_eq!((allowed.connections(), forbidden.connections()), (2, 0));
}

#[tokio::test]
async fn a_name_with_one_forbidden_address_is_refused_whole() {
    let (allowed, forbidden) = neighbours().await;
    let url = format!("http://both.example.com:{}/", allowed.address.port());
    for addresses in [
        &["127.0.0.2", "127.0.0.1"][..],
        &["127.0.0.1", "127.0.0.2"],
        &["127.0.0.2", "::1"],
        &["::ffff:127.0.0.1"],
        &["64:ff9b::7f00:1"],
        &["93.184.215.14", "169.254.169.254"],
    ] {
        let outcome = post(&by_names(&[Ok(addresses)]), &url).await;
        assert_eq!((outcome.class, outcome.status), (AttemptOutcome::ForbiddenTarget, None), "{addresses:?}");
    }
    assert_eq!((allowed.connections(), forbidden.connections()), (0, 0));
}

#[tokio::test]
async fn this_machine_is_refused_by_its_name_too() {
    let receiver = Receiver::answering(ok()).await;
    let rules = TargetRules { allow_http: true, ..TargetRules::default() };
    let outgoing = Outgoing::new(&settings(rules)).unwrap();
    for name in ["localhost", "localhost.", "LOCALHOST", "hooks.localhost"] {
        let url = format!("http://{name}:{}/", receiver.address.port());
        assert_eq!(class(&outgoing, &url).await, AttemptOutcome::ForbiddenTarget, "{name}");
    }
    assert_eq!(receiver.connections(), 0);
    assert_eq!(
        class(&sender(), &format!("http://localhost:{}/", receiver.address.port())).await,
        AttemptOutcome::Delivered
    );
}

#[tokio::test]
async fn a_name_without_an_address_is_the_receivers_fault_and_a_resolver_that_cannot_tell_is_ours() {
    for (answer, expected) in [
        (Err(NameFault::NoAddress), AttemptOutcome::Dns),
        (Ok(&[][..]), AttemptOutcome::Dns),
        (Err(NameFault::NoResolver), AttemptOutcome::Postponed),
        (Err(NameFault::Forbidden), AttemptOutcome::ForbiddenTarget),
    ] {
        assert_eq!(class(&by_names(&[answer]), "http://hooks.example.com/").await, expected, "{answer:?}");
    }
    let silent: Lookup = Arc::new(|_| std::future::pending().boxed());
    let hurried = OutgoingSettings { connect_timeout: SHORT, ..settings(local()) };
    let outgoing = Outgoing::with_lookup(&hurried, silent).unwrap();
    let outcome = post(&outgoing, "http://hooks.example.com/").await;
    assert_eq!(outcome.class, AttemptOutcome::Postponed);
}

/// How long the resolver of these tests asks where nobody answers.
const NAME_LIMIT: Duration = Duration::from_secs(3);

/// A server for one name, and a lookup that asks nobody else, on a machine that has a domain.
async fn name_server(answer: impl Fn(&Message) -> Option<Message> + Send + Sync + 'static) -> Lookup {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut server = NameServerConfig::udp(socket.local_addr().unwrap().ip());
    server.connections[0].port = socket.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut buffer = [0; 2_048];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            let question = Message::from_vec(&buffer[..length]).unwrap();
            assert_eq!(question.queries[0].name().to_string(), "hooks.example.com.");
            if let Some(answer) = answer(&question) {
                socket.send_to(&answer.to_vec().unwrap(), from).await.unwrap();
            }
        }
    });
    let domain = Name::from_ascii("internal.example.").unwrap();
    let config = ResolverConfig::from_parts(Some(domain.clone()), vec![domain], vec![server]);
    lookup_by(TokioResolver::builder_with_config(config, TokioRuntimeProvider::default()), NAME_LIMIT).unwrap()
}

fn reply(question: &Message, code: ResponseCode) -> Message {
    let mut reply = Message::error_msg(question.id, question.op_code, code);
    reply.queries.clone_from(&question.queries);
    reply
}

#[tokio::test]
async fn what_a_name_server_says_is_told_from_what_it_does_not_say() {
    for (code, expected) in [
        (Some(ResponseCode::NXDomain), NameFault::NoAddress),
        (Some(ResponseCode::NoError), NameFault::NoAddress),
        (Some(ResponseCode::ServFail), NameFault::NoResolver),
        (Some(ResponseCode::Refused), NameFault::NoResolver),
        (None, NameFault::NoResolver),
    ] {
        let lookup = name_server(move |question| code.map(|code| reply(question, code))).await;
        assert_eq!(lookup("hooks.example.com".to_owned()).await, Err(expected), "{code:?}");
    }
}

#[tokio::test]
async fn a_name_is_looked_up_as_it_is_and_has_its_address_also_when_the_other_family_is_not_answered() {
    let lookup = name_server(|question| {
        let query = &question.queries[0];
        (query.query_type() == RecordType::A).then(|| {
            let mut reply = reply(question, ResponseCode::NoError);
            reply.answers.push(Record::from_rdata(query.name().clone(), 60, RData::A(A::new(93, 184, 215, 14))));
            reply
        })
    })
    .await;
    for name in ["hooks.example.com", "hooks.example.com."] {
        // Long before the lookup itself would be given up.
        let found = tokio::time::timeout(NAME_LIMIT / 2, lookup(name.to_owned())).await;
        assert_eq!(found.unwrap(), Ok(vec!["93.184.215.14".parse().unwrap()]));
    }
}

#[tokio::test]
async fn no_address_is_told_when_one_family_has_none_and_the_other_is_not_answered() {
    let lookup = name_server(|question| {
        let is_v4 = question.queries[0].query_type() == RecordType::A;
        is_v4.then(|| reply(question, ResponseCode::NoError))
    })
    .await;
    assert_eq!(lookup("hooks.example.com".to_owned()).await, Err(NameFault::NoResolver));
}
