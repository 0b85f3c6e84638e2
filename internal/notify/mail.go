package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/netip"
	"net/smtp"
	"net/textproto"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/proof"
)

// mailer sends mail through one server, a connection a mail: there are few.
type mailer struct {
	Mail
	local bool
	roots *x509.CertPool
	now   func() time.Time
}

func (m *mailer) send(ctx context.Context, p parcel) error {
	to, err := address(p.To)
	if err != nil {
		return permanentError{err}
	}
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	c, err := m.connect(ctx)
	if err != nil {
		return fmt.Errorf("reaching the mail server: %w", err)
	}
	defer c.Close()
	if err := m.hand(c, to, m.message(&p.Event, to)); err != nil {
		var refused *textproto.Error
		if errors.As(err, &refused) && refused.Code/100 == 5 {
			return permanentError{fmt.Errorf("the mail server refuses it: %w", err)}
		}
		return fmt.Errorf("sending mail: %w", err)
	}
	return nil
}

// connect opens a connection that is encrypted, unless it never leaves this
// machine, and logs in.
func (m *mailer) connect(ctx context.Context) (*smtp.Client, error) {
	host, _, err := net.SplitHostPort(m.Server)
	if err != nil {
		return nil, err
	}
	conn, err := proof.Dialer(m.local, sendTimeout/2).DialContext(ctx, "tcp", m.Server)
	if err != nil {
		return nil, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	trust := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12, RootCAs: m.roots}
	peer := conn.RemoteAddr()
	if m.Implicit {
		conn = tls.Client(conn, trust)
	}
	c, err := smtp.NewClient(conn, host)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	if err := m.secure(c, trust, peer); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func (m *mailer) secure(c *smtp.Client, trust *tls.Config, peer net.Addr) error {
	if !m.Implicit {
		switch offered, _ := c.Extension("STARTTLS"); {
		case offered:
			if err := c.StartTLS(trust); err != nil {
				return err
			}
		case !loopback(peer):
			return errors.New("the server offers no STARTTLS, and mail is not sent in the clear")
		}
	}
	if m.User == "" {
		return nil
	}
	// PlainAuth itself refuses to send a password in the clear beyond localhost.
	host, _, _ := net.SplitHostPort(m.Server)
	return c.Auth(smtp.PlainAuth("", m.User, string(m.Password), host))
}

func loopback(a net.Addr) bool {
	ap, err := netip.ParseAddrPort(a.String())
	return err == nil && ap.Addr().Unmap().IsLoopback()
}

func (m *mailer) hand(c *smtp.Client, to string, message []byte) error {
	if err := c.Mail(m.From); err != nil {
		return err
	}
	if err := c.Rcpt(to); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(message); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	_ = c.Quit() // the mail is the server's already
	return nil
}

// message words a mail (RFC 5322). Whatever people wrote is in encoded words or
// in the encoded body, so that no line of it can become a header.
func (m *mailer) message(e *Event, to string) []byte {
	var b bytes.Buffer
	_, domain, _ := strings.Cut(m.From, "@")
	for _, h := range [][2]string{
		{"From", "Writ <" + m.From + ">"}, {"To", "<" + to + ">"},
		{"Subject", mime.QEncoding.Encode("utf-8", cut(oneLine("Writ: "+e.Data.Summary), 200))},
		{"Date", m.now().UTC().Format(time.RFC1123Z)}, {"Message-ID", "<" + e.ID + "." + idOf(to)[:8] + "@" + domain + ">"},
		{"Auto-Submitted", "auto-generated"}, {"MIME-Version", "1.0"},
		{"Content-Type", "text/plain; charset=utf-8"}, {"Content-Transfer-Encoding", "quoted-printable"},
	} {
		fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
	}
	b.WriteString("\r\n")
	w := quotedprintable.NewWriter(&b)
	_, _ = w.Write([]byte(strings.ReplaceAll(bodyText(e), "\n", "\r\n")))
	_ = w.Close()
	return b.Bytes()
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func bodyText(e *Event) string {
	var b strings.Builder
	b.WriteString(oneLine(e.Data.Summary) + ".\n\n")
	for _, l := range lines(e) {
		fmt.Fprintf(&b, "%s: %s\n", l[0], strings.ReplaceAll(l[1], "\n", "\n    "))
	}
	if e.Data.Link != "" {
		b.WriteString("\n" + e.Data.Link + "\n")
	}
	b.WriteString("\nWritten by Writ at " + e.Time.UTC().Format(time.RFC3339) + "; answers are not read.\n")
	return b.String()
}
