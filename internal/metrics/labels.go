package metrics

import (
	"maps"
	"strconv"
	"strings"

	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/gateway"
	"github.com/writ-project/writ/internal/identity"
)

// The values that labels may have. What is not among them is "other": a label
// never holds what a caller chose. labels_test.go reads the code for names
// that are missing here.
var (
	operations = set("none", "sts", "credentials", "holds", "Converse", "ConverseStream", "InvokeModel", "InvokeModelWithResponseStream",
		"CountTokens", "ApplyGuardrail", "StartAsyncInvoke", "GetAsyncInvoke", "ListAsyncInvokes", "ChatCompletions", "ChatCompletionsStream")
	// reasons why a proof was refused, at STS or at the credentials' door.
	reasons = []string{"internal", "malformed_request", "unknown_action", "unsupported_parameter", "throttled", "malformed_proof",
		"claims_incomplete", "issuer_unknown", "issuer_ambiguous", "algorithm_refused", "key_unknown",
		"keys_unavailable", "signature_invalid", "proof_expired", "proof_not_yet_valid", "proof_lifetime",
		"proof_missing", "proof_revoked", "certificate_form", "host", "forwarded",
		"role_unknown", "binding_none", "binding_ambiguous", "audience_aws", "network",
		"identity_unknown", "identity_halted", "quarantined", "session_too_long", "not_recorded", "not_sealed",
		"caller_unproven", "caller_expired"}
	results = union(set("permit", "observed", "default_deny", "forbid", "policy_error", "redact", "release", "invalid_request",
		"unresolved", "obligation", "budget", "budget_frozen", "unbounded", "unpriced", "network", "revoked", "quarantined", "malformed", "too_large", "throttled", "unauthenticated",
		"unknown_operation", "unknown_invocation", "not_remembered", "not_ready", "upstream", "cut", "client_gone", "held", "collected", "no_hold", "sts", "credentials", "holds"),
		set(prefixed("sts_", reasons)...), set(prefixed("credentials_", reasons)...))
	upstreamTypes = set(gateway.UpstreamTimeout, gateway.UpstreamDNS, gateway.UpstreamTLS, gateway.UpstreamRefused,
		gateway.UpstreamBroken, gateway.UpstreamCredentials, gateway.UpstreamThrottled, gateway.UpstreamStatus)
	classes = func() map[string]bool {
		all := set(unscanned, custom)
		for _, c := range dataclass.Classes() {
			all[string(c)] = true
		}
		return all
	}()
	proofs = set(string(identity.ProofOIDC), string(identity.ProofLocalAdmin), string(identity.ProofSPIFFE))
)

const other = "other"

// Classes beside those of dataclass: content that was not read, and every label
// of the organisation's, which are as many as it likes.
const (
	unscanned = "unscanned"
	custom    = "custom"
)

// classOf is what a class is counted as.
func classOf(c dataclass.Class) string {
	if strings.HasPrefix(string(c), custom+":") {
		return custom
	}
	return known(classes, string(c))
}

func set(names ...string) map[string]bool {
	out := make(map[string]bool, len(names))
	for _, n := range names {
		out[n] = true
	}
	return out
}

func union(sets ...map[string]bool) map[string]bool {
	out := make(map[string]bool)
	for _, s := range sets {
		maps.Copy(out, s)
	}
	return out
}

func prefixed(with string, names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = with + n
	}
	return out
}

func known(list map[string]bool, name string) string {
	if list[name] {
		return name
	}
	return other
}

// class is the class of an HTTP status, such as 4xx.
func class(status int) string {
	if status < 100 || status > 599 {
		return other
	}
	return strconv.Itoa(status/100) + "xx"
}
