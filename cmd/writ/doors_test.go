package main

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"slices"
	"testing"

	"github.com/writ-project/writ/internal/config"
	"github.com/writ-project/writ/internal/writtest"
)

// The names by which credentials may be asked for are those of the
// configuration and of the certificate, and never "any address".
func TestS13_HostsOfTheConfiguration(t *testing.T) {
	own := writtest.NewAuthority(t, "example.org").SVID(t, "", func(c *x509.Certificate) {
		c.DNSNames, c.IPAddresses = []string{"writ.example.com", "*.example.com"}, []net.IP{net.IPv4(192, 0, 2, 7)}
	})
	for listen, want := range map[string][]string{
		":8080": nil, "0.0.0.0:8080": nil, "[::]:8080": nil, "writ.internal:8080": {"writ.internal"}, "192.0.2.9:443": {"192.0.2.9"}, "[2001:db8::1]:443": {"2001:db8::1"},
	} {
		s := &server{gatewayServer: &http.Server{TLSConfig: &tls.Config{}}, cfg: config.Config{Listen: listen, Hosts: []string{"a.example"}, TLS: config.TLS{Names: []string{"b.example"}}}}
		if got := s.hosts(); !slices.Equal(got, append([]string{"a.example", "b.example"}, want...)) {
			t.Errorf("listening on %s: %v", listen, got)
		}
		s.gatewayServer.TLSConfig.Certificates = []tls.Certificate{own}
		if got := s.hosts(); !slices.Contains(got, "writ.example.com") || !slices.Contains(got, "192.0.2.7") {
			t.Errorf("with a certificate of its own: %v", got)
		}
	}
}
