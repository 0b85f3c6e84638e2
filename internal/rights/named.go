package rights

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/writ-project/writ/internal/bedrock"
)

// maxNamed is how many AWS resources a request may name besides its model.
// Every one costs a decision, and Bedrock itself takes a handful of objects.
const maxNamed = 64

// named adds a leg for every AWS resource that the request names besides its
// model: they are used with Writ's own credentials, so each needs a right of
// its own (security S3).
func (r *resolver) named() error {
	if n := len(r.Caps.SystemTools) + len(r.Caps.S3) + len(r.Caps.KMSKeys); n > maxNamed {
		return r.refuse(fmt.Sprintf("the request names %d AWS resources, and may name %d", n, maxNamed), "")
	}
	if g := r.Caps.Guardrail; g != nil {
		if err := r.guardrail(g.ID); err != nil {
			return err
		}
	}
	for _, name := range r.Caps.SystemTools {
		if err := r.systemTool(name); err != nil {
			return err
		}
	}
	for _, uri := range r.Caps.S3 {
		if err := r.object(uri); err != nil {
			return err
		}
	}
	for _, key := range r.Caps.KMSKeys {
		if err := r.key(key); err != nil {
			return err
		}
	}
	return nil
}

// addOnce appends a leg unless it is there already: a body may name a
// resource any number of times.
func (r *resolver) addOnce(l Leg) {
	if !slices.Contains(r.legs, l) {
		r.add(l)
	}
}

// guardrail adds the leg of a guardrail, named by id or ARN. Its version, and
// whether it was narrowed, are for policy to judge (security S4).
func (r *resolver) guardrail(id string) error {
	partition, region, account := r.Partition, r.Region, r.Account
	if a, ok := splitARN(id); ok {
		if a.service != "bedrock" || !strings.HasPrefix(a.resource, "guardrail/") || a.account == "" {
			return r.refuse("the guardrail's ARN is not one", "")
		}
		if err := r.sameHome("the guardrail", a.partition, a.region, a.account); err != nil {
			return err
		}
		id = strings.TrimPrefix(a.resource, "guardrail/")
	}
	if !only(id, 64, letters+digits) {
		return r.refuse(fmt.Sprintf("the guardrail %.80q has no valid id", id), "")
	}
	r.addOnce(Leg{Kind: GuardrailLeg, Action: actionApplyGuardrail, Region: r.Region,
		Resource: "arn:" + partition + ":bedrock:" + region + ":" + account + ":guardrail/" + id})
	return nil
}

// systemTool adds the leg of a tool that runs inside AWS; its ARN has no region.
func (r *resolver) systemTool(name string) error {
	if !only(name, 128, letters+upper+digits+"._-") {
		return r.refuse(fmt.Sprintf("the system tool %.80q has no valid name", name), "")
	}
	r.addOnce(Leg{Kind: SystemToolLeg, Action: actionInvokeTool, Region: r.Region,
		Resource: "arn:" + r.Partition + ":bedrock::" + r.Account + ":system-tool/" + name})
	return nil
}

// object adds the leg of an S3 object.
func (r *resolver) object(uri string) error {
	path, reason := ObjectPath(uri)
	if reason != "" {
		return r.refuse(fmt.Sprintf("the S3 location %.120q %s", uri, reason), "")
	}
	r.addOnce(Leg{Kind: ObjectLeg, Action: actionReadObject, Region: r.Region, Resource: "arn:" + r.Partition + ":s3:::" + path})
	return nil
}

// ObjectPath returns bucket/key of a canonical S3 URI, or the reason why it is
// none. Two spellings of one object must not exist, because grants name
// objects by prefix; and nothing that IAM would read as a wildcard or a
// variable may pass, because the resource goes into a session policy. Whether
// Bedrock decodes percent escapes is not documented, so none are accepted.
func ObjectPath(uri string) (path, reason string) {
	path, ok := strings.CutPrefix(uri, "s3://")
	bucket, key, _ := strings.Cut(path, "/")
	switch {
	case !ok:
		return "", "does not begin with s3://"
	case len(bucket) < 3 || !only(bucket, 63, letters+digits+".-") || strings.Contains(bucket, ".."):
		return "", "has no valid bucket"
	case key == "" || len(key) > 1024:
		return "", "has no valid key"
	case !utf8.ValidString(key) || strings.ContainsFunc(key, unprintable):
		return "", "has control characters in its key"
	case strings.ContainsAny(key, `*?%\`) || strings.Contains(key, "${"):
		return "", "has wildcards, variables or escapes in its key"
	}
	for part := range strings.SplitSeq(key, "/") {
		if part == "" || part == "." || part == ".." {
			return "", "has an empty or relative segment in its key"
		}
	}
	return path, ""
}

func unprintable(c rune) bool { return c < ' ' || c == 0x7f || c >= 0x80 && c < 0xa0 }

// key adds the leg of a KMS key, named by id or key ARN. An alias is refused:
// it can be pointed at another key after the decision.
func (r *resolver) key(name string) error {
	partition, region, account, id := r.Partition, r.Region, r.Account, name
	if a, ok := splitARN(name); ok {
		if a.service != "kms" || !strings.HasPrefix(a.resource, "key/") || a.account == "" {
			return r.refuse("the KMS key's ARN is not a key's", "name the key, not an alias")
		}
		if err := r.sameHome("the KMS key", a.partition, a.region, a.account); err != nil {
			return err
		}
		id = strings.TrimPrefix(a.resource, "key/")
	}
	if !only(id, 64, letters+digits+"-") {
		return r.refuse(fmt.Sprintf("the KMS key %.80q has no valid id", name), "name the key, not an alias")
	}
	leg := Leg{Kind: KeyLeg, Action: actionUseKey, Region: r.Region, Resource: "arn:" + partition + ":kms:" + region + ":" + account + ":key/" + id}
	r.addOnce(leg)
	if o := r.Caps.Output; o != nil && o.KMSKey == name {
		// S3 decrypts the parts of an answer that comes in several, to join them
		// (https://repost.aws/knowledge-center/s3-large-file-encryption-kms-key).
		leg.Action = actionOpenKey
		r.addOnce(leg)
	}
	return nil
}

// arn is the parts of an ARN after arn: itself.
type arn struct{ partition, service, region, account, resource string }

// splitARN splits an ARN; ok is false when s is not in that form.
func splitARN(s string) (a arn, ok bool) {
	parts := strings.SplitN(s, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || !bedrock.ValidPartition(parts[1]) {
		return arn{}, false
	}
	return arn{parts[1], parts[2], parts[3], parts[4], parts[5]}, true
}

const (
	letters = "abcdefghijklmnopqrstuvwxyz"
	upper   = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits  = "0123456789"
)

// only reports whether s is 1 to most of the given characters.
func only(s string, most int, set string) bool {
	return len(s) >= 1 && len(s) <= most && strings.Trim(s, set) == ""
}
