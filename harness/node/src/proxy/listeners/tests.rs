use std::net::Ipv4Addr;
use std::sync::atomic::AtomicU8;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

/// A pod: writes its name, then what it has read once the caller has ended its side.
async fn pod(name: &'static str) -> SocketAddr {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = socket.accept().await {
            tokio::spawn(async move {
                let mut told = Vec::new();
                stream.write_all(name.as_bytes()).await.unwrap();
                stream.read_to_end(&mut told).await.unwrap();
                stream.write_all(&told).await.unwrap();
            });
        }
    });
    address
}

/// An address that no other test uses: all of 127.0.0.0/8 is local, as the Service range is in a plane.
async fn cluster_ip() -> SocketAddr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let address = Ipv4Addr::new(127, 96, 0, NEXT.fetch_add(1, Ordering::Relaxed));
    let socket = TcpListener::bind((address, 0)).await;
    socket.unwrap().local_addr().unwrap()
}

fn table(at: SocketAddr, to: &[SocketAddr]) -> Table {
    let to: BTreeSet<_> = to.iter().copied().collect();
    Table::from([(at, to)])
}

async fn ask(address: SocketAddr, words: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(words.as_bytes()).await?;
    stream.shutdown().await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::test]
async fn a_port_is_refused_before_its_first_endpoint_and_after_its_last() {
    let (at, to) = (cluster_ip().await, pod("a").await);
    let mut listeners = Listeners::new(CancellationToken::new());
    for _ in 0..2 {
        assert!(listeners.follow(&Table::new()).await);
        let error = ask(at, "").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        assert!(listeners.follow(&table(at, &[to])).await);
        assert_eq!(ask(at, "").await.unwrap(), "a");
    }
}

#[tokio::test]
async fn connections_go_to_the_endpoints_in_turns_and_follow_their_changes() {
    let (a, b, c) = (pod("a").await, pod("b").await, pod("c").await);
    let at = cluster_ip().await;
    let mut listeners = Listeners::new(CancellationToken::new());
    listeners.follow(&table(at, &[a, b])).await;
    let mut answers = Vec::new();
    for _ in 0..4 {
        answers.push(ask(at, "").await.unwrap());
    }
    answers.sort();
    assert_eq!(answers, ["a", "a", "b", "b"]);
    listeners.follow(&table(at, &[c])).await;
    assert_eq!(ask(at, "").await.unwrap(), "c");
}

#[tokio::test]
async fn the_end_of_the_callers_side_leaves_the_pods_side_open() {
    let (at, to) = (cluster_ip().await, pod("pod: ").await);
    let mut listeners = Listeners::new(CancellationToken::new());
    listeners.follow(&table(at, &[to])).await;
    assert_eq!(
        ask(at, "said before the end").await.unwrap(),
        "pod: said before the end"
    );
}

#[tokio::test]
async fn an_open_connection_outlives_its_listener_and_ends_with_the_proxy() {
    let (at, to) = (cluster_ip().await, pod("a").await);
    let mut listeners = Listeners::new(CancellationToken::new());
    listeners.follow(&table(at, &[to])).await;
    let mut one = TcpStream::connect(at).await.unwrap();
    let mut two = TcpStream::connect(at).await.unwrap();
    for stream in [&mut one, &mut two] {
        assert_eq!(stream.read_u8().await.unwrap(), b'a');
    }
    listeners.follow(&Table::new()).await;
    one.write_all(b"still").await.unwrap();
    one.shutdown().await.unwrap();
    let mut answer = String::new();
    one.read_to_string(&mut answer).await.unwrap();
    assert_eq!(answer, "still");
    listeners.close().await;
    assert_eq!(two.read(&mut [0]).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn an_endpoint_that_refuses_resets_the_caller() {
    let (at, nobody) = (cluster_ip().await, cluster_ip().await);
    let mut listeners = Listeners::new(CancellationToken::new());
    listeners.follow(&table(at, &[nobody])).await;
    let mut stream = TcpStream::connect(at).await.unwrap();
    let error = stream.read(&mut [0]).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn an_address_that_is_taken_is_said_and_bound_once_it_is_free() {
    let (other, to) = (
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap(),
        pod("a").await,
    );
    let at = other.local_addr().unwrap();
    let mut listeners = Listeners::new(CancellationToken::new());
    assert!(!listeners.follow(&table(at, &[to])).await);
    drop(other);
    assert!(listeners.follow(&table(at, &[to])).await);
    assert_eq!(ask(at, "").await.unwrap(), "a");
}
