//! A way to a server that is closed from one request on, for a while or for good.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};

/// Passes requests on, one for each connection.
pub(crate) struct Way {
    address: SocketAddr,
    open: Sender<()>,
}

impl Way {
    /// Lets `n_open` requests through; whoever connects then is refused until [`Way::open`].
    pub(crate) fn closing_after(n_open: usize, to: SocketAddr) -> Way {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (open, opened) = channel();
        let mut listener = Some(listener);
        if n_open == 0 {
            listener = None;
        }
        std::thread::spawn(move || pass(listener, (address, to), n_open, &opened));
        Way { address, open }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Opens the way again; may be called often.
    pub(crate) fn open(&self) {
        let _ = self.open.send(());
        // The next attempt must find it open.
        while TcpStream::connect(self.address).is_err() {
            std::thread::yield_now();
        }
    }
}

/// Ends when the way is closed and nobody is left to open it.
fn pass(
    mut listener: Option<TcpListener>,
    (address, to): (SocketAddr, SocketAddr),
    n_open: usize,
    opened: &Receiver<()>,
) {
    let mut n_passed = 0;
    loop {
        let Some(open) = &listener else {
            if opened.recv().is_err() {
                return;
            }
            listener = Some(TcpListener::bind(address).unwrap());
            continue;
        };
        let mut outside = open.accept().unwrap().0;
        let Some(request) = read_request(&mut outside) else {
            continue;
        };
        let mut inside = TcpStream::connect(to).unwrap();
        inside.write_all(&request).unwrap();
        let mut answer = Vec::new();
        let _ = inside.read_to_end(&mut answer);
        n_passed += 1;
        if n_passed == n_open {
            // Before the answer, so that nobody connects in between.
            listener = None;
        }
        let _ = outside.write_all(&answer);
    }
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
