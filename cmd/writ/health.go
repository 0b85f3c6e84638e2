package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"syscall"
	"time"

	"github.com/writ-project/writ/internal/api"
	"github.com/writ-project/writ/internal/gateway"
	"github.com/writ-project/writ/internal/governance"
)

// advisory is what Writ is until an account's chokepoint has been proved:
// whoever may invoke in IAM can go around it (security S28).
const advisory = "advisory: direct path open (principals unknown, no chokepoint proof on record)"

// status is what the process knows of itself.
func (s *server) status(ctx context.Context) api.Status {
	head := s.kernel.journal.Head()
	out := api.Status{
		Version: version(), Instance: s.kernel.instance.ID, Started: s.started, Ready: true,
		Standing: advisory, Upstream: s.upstream, StandIn: s.demo != nil, OpenCalls: s.gateway.Open(),
		LogOrigin: s.kernel.origin, LogSize: head.Size, LogRoot: base64.StdEncoding.EncodeToString(head.Root[:]),
		Observe: api.ObserveOf(s.kernel.observe, s.kernel.home, time.Now()), Draining: s.gateway.Draining(),
		SnapshotAge: s.state.Age(time.Now()).Seconds(), Connections: s.bounded.Open(), Gateway: s.endpoints.Gateway, Config: s.cfg.File(), OpenFiles: openFilesLimit(),
		StateError: textOfError(s.state.Err()), LogError: textOfError(s.kernel.journal.Err()),
	}
	if err := s.gateway.Ready(); err != nil {
		out.Ready, out.Reason = false, err.Error()
	}
	if cert := s.presented(); cert != nil {
		out.CertExpires, out.CertNames = cert.NotAfter, namesOf(cert)
	}
	if now := s.state.Current(); now != nil {
		out.Revision, out.Bundle = now.Revision, now.Bundle.Digest()
		out.Identities, out.Grants = now.Counts()
		out.Validations = governance.ValidationsDue(now, time.Now(), governance.ValidationNotice)
	}
	s.people(ctx, &out)
	return out
}

func textOfError(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// presented is the certificate that the gateway's port shows now.
func (s *server) presented() *x509.Certificate {
	conf := s.certificate
	var pair *tls.Certificate
	if conf.GetCertificate != nil {
		pair, _ = conf.GetCertificate(&tls.ClientHelloInfo{}) // none: none is shown
	} else if len(conf.Certificates) > 0 {
		pair = &conf.Certificates[0]
	}
	if pair == nil {
		return nil
	}
	if pair.Leaf != nil {
		return pair.Leaf
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return nil
	}
	return leaf
}

func namesOf(c *x509.Certificate) []string {
	out := append([]string{}, c.DNSNames...)
	for _, a := range c.IPAddresses {
		out = append(out, a.String())
	}
	return out
}

// openFilesLimit is RLIMIT_NOFILE of this process.
func openFilesLimit() uint64 {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return 0
	}
	return l.Cur
}

// observing is the switch of observe mode as the gateway asks it.
func (s *server) observing(now time.Time) (gateway.Window, bool) {
	w := s.kernel.observe.Current(now)
	if w == nil {
		return gateway.Window{}, false
	}
	return gateway.Window{Nonce: w.Nonce, Until: w.Until}, true
}

// observeWord ends the ready line while observe mode is on.
func (s *server) observeWord() string {
	w := s.kernel.observe.Current(time.Now())
	if w == nil {
		return ""
	}
	return " OBSERVE=" + w.Until.UTC().Format(time.RFC3339)
}

// observeBanner is what nobody who looks at the terminal overlooks.
func (s *server) observeBanner(w io.Writer) {
	if o := api.ObserveOf(s.kernel.observe, s.kernel.home, time.Now()); o.On {
		fmt.Fprintf(w, "\n%s\n%s\n%s\n\n", strings.Repeat("*", 72), loud(o), strings.Repeat("*", 72))
	}
}

// loud is observe mode in a line.
func loud(o api.ObserveStatus) string {
	return fmt.Sprintf("OBSERVE MODE IS ON UNTIL %s: CALLS THAT NO RIGHT COVERS ARE LET THROUGH (signed by %s: %s)",
		o.Until.UTC().Format(time.RFC3339), strings.Join(o.Approvers, ", "), o.Reason)
}
