//! A way to a server that is closed from one request on, for a while or for good.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::mpsc::{Receiver, Sender, channel};

use tokio::net::TcpSocket;

/// A port of one's own at which nobody listens: whoever connects is refused, as long as this lives.
///
/// A port that was merely free a moment ago is soon somebody else's: another test's server takes it, or
/// a client's outgoing connection does. This one is bound, so the kernel gives it to nobody, and it
/// does not listen, so the kernel refuses.
pub(crate) struct Nobody {
    socket: TcpSocket,
}

impl Nobody {
    pub(crate) fn there() -> Nobody {
        let socket = TcpSocket::new_v4().unwrap();
        // Allows a listener of our own beside it.
        socket.set_reuseaddr(true).unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        Nobody { socket }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.socket.local_addr().unwrap()
    }
}

/// Passes requests on, one for each connection.
pub(crate) struct Way {
    port: Nobody,
    open: Sender<TcpListener>,
}

impl Way {
    /// Lets `n_open` requests through; whoever connects then is refused until [`Way::open`].
    pub(crate) fn closing_after(n_open: usize, to: SocketAddr) -> Way {
        let (open, opened) = channel();
        let port = Nobody::there();
        let way = Way { port, open };
        if n_open > 0 {
            way.open();
        }
        std::thread::spawn(move || pass(&opened, n_open, to));
        way
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.port.address())
    }

    /// Opens the way again, for the very next attempt; may be called often.
    pub(crate) fn open(&self) {
        match TcpListener::bind(self.port.address()) {
            // From now on the kernel takes connections, whenever the other thread gets to them.
            Ok(listener) => self.open.send(listener).unwrap(),
            Err(error) => assert_eq!(error.kind(), ErrorKind::AddrInUse, "{error}"),
        }
    }
}

/// Ends when the way is closed and nobody is left to open it.
fn pass(opened: &Receiver<TcpListener>, n_open: usize, to: SocketAddr) {
    let mut n_passed = 0;
    while let Ok(listener) = opened.recv() {
        let mut is_open = true;
        while is_open {
            let mut outside = listener.accept().unwrap().0;
            let Some(request) = read_request(&mut outside) else {
                continue;
            };
            let mut inside = TcpStream::connect(to).unwrap();
            inside.write_all(&request).unwrap();
            let mut answer = Vec::new();
            let _ = inside.read_to_end(&mut answer);
            n_passed += 1;
            if n_passed == n_open {
                // Before the answer: the client waits for it, so nobody is on the way here, where
                // the kernel would accept a connection only to reset it.
                close(&listener);
                is_open = false;
            }
            let _ = outside.write_all(&answer);
        }
    }
}

/// Has the kernel refuse connections from now on.
///
/// Dropping a listener does not: while another thread starts a process, that has a copy of it until it
/// executes its program, and whoever connects meanwhile is accepted, and reset as soon as it does.
fn close(listener: &TcpListener) {
    let socket = OwnedFd::from(listener.try_clone().unwrap());
    TcpStream::from(socket).shutdown(Shutdown::Both).unwrap();
}

/// Reads one request and has it hang up afterwards.
fn read_request(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut request = Vec::new();
    let mut block = vec![0; 64 << 10];
    let mut whole = None;
    while whole.is_none_or(|whole| request.len() < whole) {
        match stream.read(&mut block) {
            Ok(0) | Err(_) => return None,
            Ok(n_read) => request.extend_from_slice(&block[..n_read]),
        }
        if whole.is_none()
            && let Some(end) = request.windows(4).position(|bytes| bytes == b"\r\n\r\n")
        {
            let head = String::from_utf8(request[..end].to_vec()).unwrap();
            let length = head.to_ascii_lowercase().lines().find_map(|line| {
                let value = line.strip_prefix("content-length:")?;
                value.trim().parse::<usize>().ok()
            });
            let close = b"\r\nConnection: close";
            request.splice(end..end, close.iter().copied());
            whole = Some(end + close.len() + 4 + length.unwrap_or(0));
        }
    }
    Some(request)
}

#[test]
fn a_closed_listener_refuses_whoever_has_a_copy_of_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let _copy = listener.try_clone().unwrap();
    drop(TcpStream::connect(address).unwrap());
    close(&listener);
    drop(listener);
    let refused = TcpStream::connect(address).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
}

#[test]
fn a_closed_way_refuses_and_belongs_to_nobody_else() {
    let server = crate::server::Server::start(|_, _| crate::server::json("[]"));
    let ask = |way: &Way| -> std::io::Result<String> {
        let mut stream = TcpStream::connect(way.port.address())?;
        stream.write_all(b"GET / HTTP/1.1\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    for n_open in [0, 2] {
        let way = Way::closing_after(n_open, server.address());
        for _ in 0..n_open {
            assert!(ask(&way).unwrap().ends_with("[]"));
        }
        assert_eq!(ask(&way).unwrap_err().kind(), ErrorKind::ConnectionRefused);
        // What looks for a free port does not get this one.
        let stranger = TcpSocket::new_v4().unwrap();
        let taken = stranger.bind(way.port.address()).unwrap_err();
        assert_eq!(taken.kind(), ErrorKind::AddrInUse);
        way.open();
        way.open();
        assert!(ask(&way).unwrap().ends_with("[]"));
        assert!(ask(&way).unwrap().ends_with("[]"));
    }
}
