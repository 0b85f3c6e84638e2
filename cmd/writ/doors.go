package main

import (
	"crypto/tls"
	"crypto/x509"
	"net"

	"github.com/writ-project/writ/internal/identity"
)

// hosts are the names by which the gateway's port is called: container
// credentials are given out under no other (security S13).
func (s *server) hosts() []string {
	out := append(append([]string{}, s.cfg.Hosts...), s.cfg.TLS.Names...)
	if host, _, err := net.SplitHostPort(s.cfg.Listen); err == nil && host != "" {
		if ip := net.ParseIP(host); ip == nil || !ip.IsUnspecified() {
			out = append(out, host)
		}
	}
	for _, pair := range s.gatewayServer.TLSConfig.Certificates {
		if leaf, err := x509.ParseCertificate(pair.Certificate[0]); err == nil {
			out = append(out, leaf.DNSNames...)
			for _, ip := range leaf.IPAddresses {
				out = append(out, ip.String())
			}
		}
	}
	return out
}

// askForCertificates has TLS clients asked for a certificate while some trust
// domain is configured. None is required, and whom it proves is the exchange's
// to say, by the trust domain's bundle: here nothing is believed.
func (s *server) askForCertificates(conf *tls.Config) {
	asking := conf.Clone()
	asking.ClientAuth = tls.RequestClientCert
	conf.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		if s.state == nil || s.state.Current() == nil {
			return nil, nil // conf as it is
		}
		for _, i := range s.state.Current().Issuers() {
			if i.TrustDomain != "" {
				return asking, nil
			}
		}
		return nil, nil
	}
}

// container seals a recorded session as a container token.
func (k *kernel) container(s identity.Session) (string, error) {
	b, err := k.keys.Ring().SealContainer(s)
	if err != nil {
		return "", err
	}
	return b.Token.Reveal(), nil
}
