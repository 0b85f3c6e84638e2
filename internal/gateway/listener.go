package gateway

import (
	"bufio"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// A TLS connection's first byte is the record type handshake(22), RFC 8446 §5.1;
// no HTTP request begins with it.
const tlsHandshake = 0x16

// sniffTimeout bounds the wait for a connection's first byte.
const sniffTimeout = 10 * time.Second

// Sniff serves TLS and plain text on one listener by looking at each
// connection's first byte. With plain false, plain-text connections are closed
// unanswered: security S14 allows them on loopback or behind a declared front only.
func Sniff(inner net.Listener, cfg *tls.Config, plain bool) net.Listener {
	l := &sniffer{Listener: inner, tls: cfg, plain: plain, ready: make(chan net.Conn), done: make(chan struct{})}
	go l.accept()
	return l
}

type sniffer struct {
	net.Listener
	tls   *tls.Config
	plain bool
	ready chan net.Conn
	done  chan struct{}

	once sync.Once
	err  error // why accepting ended; read after done is closed
}

// accept takes connections and sniffs each on its own goroutine, so that one
// that says nothing delays nobody.
func (l *sniffer) accept() {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			var temporary interface{ Temporary() bool }
			if errors.As(err, &temporary) && temporary.Temporary() {
				time.Sleep(5 * time.Millisecond) // out of file descriptors: wait, never die
				continue
			}
			l.stop(err)
			return
		}
		go l.sniff(c)
	}
}

func (l *sniffer) sniff(c net.Conn) {
	_ = c.SetReadDeadline(time.Now().Add(sniffTimeout))
	r := bufio.NewReaderSize(c, 4096)
	first, err := r.Peek(1)
	_ = c.SetReadDeadline(time.Time{})
	isTLS := err == nil && first[0] == tlsHandshake
	if err != nil || (!isTLS && !l.plain) {
		_ = c.Close()
		return
	}
	var out net.Conn = &peeked{Conn: c, r: r}
	if isTLS {
		out = tls.Server(out, l.tls)
	}
	select {
	case l.ready <- out:
	case <-l.done:
		_ = c.Close()
	}
}

// Accept returns the next sniffed connection.
func (l *sniffer) Accept() (net.Conn, error) {
	select {
	case c := <-l.ready:
		return c, nil
	case <-l.done:
		return nil, l.err
	}
}

// Close stops accepting.
func (l *sniffer) Close() error {
	err := l.Listener.Close()
	l.stop(net.ErrClosed)
	return err
}

func (l *sniffer) stop(err error) {
	l.once.Do(func() {
		l.err = err
		close(l.done)
	})
}

// peeked gives back the bytes that sniffing read.
type peeked struct {
	net.Conn
	r *bufio.Reader
}

func (p *peeked) Read(b []byte) (int, error) {
	if p.r != nil && p.r.Buffered() > 0 {
		return p.r.Read(b)
	}
	p.r = nil
	return p.Conn.Read(b)
}

// NewServer wraps a handler in the gateway's transport limits: HTTP/1.1, HTTP/2
// over TLS, and HTTP/2 by prior knowledge on plain connections (the JavaScript
// SDK speaks it); never by Upgrade.
func NewServer(h http.Handler, cfg *tls.Config, log *slog.Logger) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Server{
		Handler:   h,
		TLSConfig: cfg,
		Protocols: protocols,
		// "OPTIONS *" is refused like anything else that is no invocation.
		DisableGeneralOptionsHandler: true,

		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       120 * time.Second,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: 1000, SendPingTimeout: 30 * time.Second},
	}
}
