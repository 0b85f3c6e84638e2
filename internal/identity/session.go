package identity

import (
	"net/netip"
	"time"
)

// ProofKind says how a session's holder proved who it is.
type ProofKind string

// The kinds of proof.
const (
	ProofOIDC       ProofKind = "oidc"        // an OIDC token
	ProofLocalAdmin ProofKind = "local_admin" // minted by an operator through the right `impersonate`
	ProofSPIFFE     ProofKind = "spiffe_x509" // a client certificate with a SPIFFE ID
)

// Session is what a sealed credential says once opened: who holds it, how it
// was proved, and how far it reaches. It is a fact about the past; whether it
// still counts (state, epoch, network) is checked at every use.
type Session struct {
	ID       string    // opaque, unique; appears in records
	Identity string    // the identity's name
	Binding  string    // the binding that was satisfied; empty for local_admin
	Proof    ProofKind // how
	Issuer   string    // OIDC issuer or spiffe://TRUST-DOMAIN; empty for local_admin
	Subject  string    // OIDC subject, SPIFFE ID, or the operator for local_admin
	ProofID  string    // first 16 bytes (hex) of SHA-256 of the proof; never the proof
	Issued   time.Time
	Expires  time.Time
	Epoch    uint32         // the identity's epoch at minting
	KeyEpoch uint32         // the key ring's epoch at minting (emergency rotation)
	Record   uint64         // index of the mint record in the audit log
	Shard    string         // of the audit log, where a replica with a name minted it; empty: the installation's first
	Networks []netip.Prefix // where it may be used from; empty means anywhere
}

// Impersonated reports whether an operator, not the workload, obtained it.
func (s *Session) Impersonated() bool { return s.Proof == ProofLocalAdmin }
