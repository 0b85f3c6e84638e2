package metrics

import (
	"strconv"

	"github.com/writ-project/writ/internal/gateway"
	"github.com/writ-project/writ/internal/identity"
)

// The values that labels may have. What is not among them is "other": a label
// never holds what a caller chose. labels_test.go reads the code for names
// that are missing here.
var (
	operations = set("none", "sts", "Converse", "ConverseStream", "InvokeModel", "InvokeModelWithResponseStream",
		"CountTokens", "ApplyGuardrail", "StartAsyncInvoke", "GetAsyncInvoke", "ListAsyncInvokes", "ChatCompletions", "Messages")
	results = set("permit", "observed", "default_deny", "forbid", "policy_error", "invalid_request",
		"unresolved", "obligation", "network", "revoked", "malformed", "too_large", "throttled", "unauthenticated",
		"unknown_operation", "not_ready", "upstream", "cut", "client_gone", "sts", "sts_internal",
		"sts_malformed_request", "sts_unknown_action", "sts_unsupported_parameter", "sts_throttled", "sts_malformed_proof",
		"sts_claims_incomplete", "sts_issuer_unknown", "sts_issuer_ambiguous", "sts_algorithm_refused", "sts_key_unknown",
		"sts_keys_unavailable", "sts_signature_invalid", "sts_proof_expired", "sts_proof_not_yet_valid", "sts_proof_lifetime",
		"sts_role_unknown", "sts_binding_none", "sts_binding_ambiguous", "sts_audience_aws", "sts_network",
		"sts_identity_unknown", "sts_identity_halted", "sts_session_too_long", "sts_not_recorded", "sts_not_sealed",
		"sts_caller_unproven", "sts_caller_expired")
	upstreamTypes = set(gateway.UpstreamTimeout, gateway.UpstreamDNS, gateway.UpstreamTLS, gateway.UpstreamRefused,
		gateway.UpstreamBroken, gateway.UpstreamCredentials, gateway.UpstreamThrottled, gateway.UpstreamStatus)
	proofs = set(string(identity.ProofOIDC), string(identity.ProofLocalAdmin))
)

const other = "other"

func set(names ...string) map[string]bool {
	out := make(map[string]bool, len(names))
	for _, n := range names {
		out[n] = true
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
