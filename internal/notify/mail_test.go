package notify

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/http/httptest"
	"net/mail"
	"strings"
	"sync"
	"testing"
)

// mailServer is a small SMTP server. It keeps what it is told.
type mailServer struct {
	addr     string
	starttls *tls.Config // nil: not offered
	implicit bool
	refuse   string // answer to RCPT
	roots    *x509.CertPool

	mu    sync.Mutex
	lines []string // commands
	mails []string
	tls   bool // the mail came encrypted
}

func newMailServer(t *testing.T, change func(*mailServer)) *mailServer {
	t.Helper()
	certs := httptest.NewUnstartedServer(nil)
	certs.StartTLS()
	t.Cleanup(certs.Close)
	s := &mailServer{starttls: &tls.Config{Certificates: certs.TLS.Certificates}, roots: x509.NewCertPool()}
	s.roots.AddCert(certs.Certificate())
	if change != nil {
		change(s)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if s.implicit {
		l = tls.NewListener(l, s.starttls)
	}
	s.addr = l.Addr().String()
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { s.serve(c) })
		}
	})
	t.Cleanup(func() { l.Close(); all.Wait() })
	return s
}

func (s *mailServer) serve(c net.Conn) {
	defer func() { c.Close() }()
	in := bufio.NewReader(c)
	say := func(text string) { fmt.Fprintf(c, "%s\r\n", text) }
	say("220 test")
	encrypted := s.implicit
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		s.mu.Lock()
		s.lines = append(s.lines, line)
		s.mu.Unlock()
		switch verb, _, _ := strings.Cut(strings.ToUpper(line), " "); verb {
		case "EHLO":
			say("250-test")
			if s.starttls != nil && !encrypted {
				say("250-STARTTLS")
			}
			say("250 AUTH PLAIN")
		case "STARTTLS":
			say("220 go")
			tc := tls.Server(c, s.starttls)
			if tc.Handshake() != nil {
				return
			}
			c, in, encrypted = tc, bufio.NewReader(tc), true
		case "RCPT":
			if s.refuse != "" {
				say(s.refuse)
				continue
			}
			say("250 ok")
		case "DATA":
			say("354 go")
			var b strings.Builder
			for {
				line, err := in.ReadString('\n')
				if err != nil || line == ".\r\n" {
					break
				}
				b.WriteString(line)
			}
			s.mu.Lock()
			s.mails, s.tls = append(s.mails, b.String()), encrypted
			s.mu.Unlock()
			say("250 ok")
		case "AUTH":
			say("235 ok")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

func (s *mailServer) sink() Sink {
	return Sink{Name: "mail", Kind: MailSink, AllowLocal: true, Roots: s.roots,
		Mail: Mail{Server: s.addr, Implicit: s.implicit, From: "writ@example.com", To: []string{"soc@example.com"}}}
}

func TestMailIsSentEncrypted(t *testing.T) {
	for _, implicit := range []bool{false, true} {
		s := newMailServer(t, func(s *mailServer) { s.implicit = implicit })
		sink := s.sink()
		sink.Mail.User, sink.Mail.Password = "writ", "hunter2"
		if err := mustSender(t, sink).send(t.Context(), parcel{Event: anEvent(), To: "ann@example.com"}); err != nil {
			t.Fatal(err)
		}
		want := base64.StdEncoding.EncodeToString([]byte("\x00writ\x00hunter2"))
		if len(s.mails) != 1 || !s.tls || !strings.Contains(strings.Join(s.lines, "\n"), want) {
			t.Errorf("implicit %v: encrypted %v, commands %q", implicit, s.tls, s.lines)
		}
	}
}

func TestMailIsNotSentToAServerThatProvesNothing(t *testing.T) {
	s := newMailServer(t, nil)
	sink := s.sink()
	sink.Roots = x509.NewCertPool()
	if err := mustSender(t, sink).send(t.Context(), parcel{Event: anEvent(), To: "ann@example.com"}); err == nil || len(s.mails) > 0 {
		t.Errorf("it was sent: %v", err)
	}
	sink = s.sink()
	sink.AllowLocal = false
	if err := mustSender(t, sink).send(t.Context(), parcel{Event: anEvent(), To: "ann@example.com"}); err == nil || len(s.mails) > 0 {
		t.Errorf("loopback was reached: %v", err)
	}
}

func TestMailInTheClearStaysOnThisMachine(t *testing.T) {
	s := newMailServer(t, func(s *mailServer) { s.starttls = nil })
	if err := mustSender(t, s.sink()).send(t.Context(), parcel{Event: anEvent(), To: "ann@example.com"}); err != nil || len(s.mails) != 1 {
		t.Errorf("loopback: %v", err)
	}
	if loopback(&net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 25}) {
		t.Error("another machine counts as this one")
	}
}

func TestWhatAMailServerRefusesForGoodIsNotTriedAgain(t *testing.T) {
	for answer, want := range map[string]bool{"550 no such user": true, "451 try later": false} {
		s := newMailServer(t, func(s *mailServer) { s.refuse = answer })
		err := mustSender(t, s.sink()).send(t.Context(), parcel{Event: anEvent(), To: "ann@example.com"})
		var p permanentError
		if err == nil || errors.As(err, &p) != want {
			t.Errorf("%s: %v", answer, err)
		}
	}
}

// Nothing that people write becomes a header, a second mail or the end of this one.
func TestMailCannotBeInjected(t *testing.T) {
	s := newMailServer(t, nil)
	e := anEvent()
	e.Data.Summary = "hello\r\nBcc: evil@example.com\r\n\r\nbody é"
	e.Data.Reason = "line\r\n.\r\nMAIL FROM:<evil@example.com>\r\n"
	if err := mustSender(t, s.sink()).send(t.Context(), parcel{Event: e, To: "ann@example.com"}); err != nil {
		t.Fatal(err)
	}
	if len(s.mails) != 1 {
		t.Fatalf("%d mails", len(s.mails))
	}
	m, err := mail.ReadMessage(strings.NewReader(s.mails[0]))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(quotedprintable.NewReader(m.Body))
	if err != nil || !strings.Contains(string(body), "MAIL FROM:<evil@example.com>") {
		t.Errorf("the body is %q, %v", body, err)
	}
	if m.Header.Get("Bcc") != "" || m.Header.Get("To") != "<ann@example.com>" {
		t.Errorf("headers: %v", m.Header)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil || subject != "Writ: hello Bcc: evil@example.com body é" {
		t.Errorf("subject %q, %v", subject, err)
	}
	for _, to := range []string{"", "ann@example.com\r\nRCPT TO:<evil@example.com>", "ann@example.com, evil@example.com", "Ann <ann@example.com>"} {
		if err := mustSender(t, s.sink()).send(t.Context(), parcel{Event: e, To: to}); err == nil {
			t.Errorf("sent to %q", to)
		}
	}
}
