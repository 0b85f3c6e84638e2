package proof

import (
	"fmt"
	"mime"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Action is an action of the STS Query API, by its AWS name.
type Action string

// The actions that are served.
const (
	AssumeRoleWithWebIdentity Action = "AssumeRoleWithWebIdentity"
	GetCallerIdentity         Action = "GetCallerIdentity"
)

// Call is one parsed request of the STS Query API. The fields after Action
// belong to AssumeRoleWithWebIdentity.
type Call struct {
	Action      Action
	RoleARN     string
	SessionName string
	Token       Token
	Duration    time.Duration // zero: not stated
}

const (
	apiVersion = "2011-06-15"
	// maxForm fits the longest token with every character escaped.
	maxForm = 1 << 16
	// Limits of AssumeRoleWithWebIdentity's parameters
	// (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html).
	minDuration = 900
	maxDuration = 43200
	maxRoleARN  = 2048
	minToken    = 4
)

var sessionName = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)

// hints names STS's other actions, and what to do instead.
var hints = map[string]string{
	"AssumeRole":                 "it proves an AWS principal, which is not accepted; exchange an OIDC token with AssumeRoleWithWebIdentity",
	"AssumeRoleWithSAML":         "SAML is not accepted; exchange an OIDC token with AssumeRoleWithWebIdentity",
	"AssumeRoot":                 "there is no root to assume here",
	"DecodeAuthorizationMessage": "refusals carry no encoded message; an operator finds them by request id",
	"GetAccessKeyInfo":           "ask an operator, by access key id",
	"GetDelegatedAccessToken":    "exchange an OIDC token with AssumeRoleWithWebIdentity",
	"GetFederationToken":         "exchange an OIDC token with AssumeRoleWithWebIdentity",
	"GetSessionToken":            "exchange an OIDC token with AssumeRoleWithWebIdentity",
	"GetWebIdentityToken":        "ask AWS's own STS for the token, then exchange it here with AssumeRoleWithWebIdentity",
}

// parameters of each action, besides Action and Version.
var parameters = map[Action][]string{
	AssumeRoleWithWebIdentity: {"RoleArn", "RoleSessionName", "WebIdentityToken", "DurationSeconds"},
	GetCallerIdentity:         {},
}

// ParseSTS reads a request of the STS Query API: the whole body of a POST and
// its Content-Type. It is strict, because what it passed over in silence its
// caller would believe to be in force: each parameter at most once, none that
// is not known, and those that would narrow a session (Policy, PolicyArns) are
// refused by name (security S11). Every error is a *Refusal whose message says
// what is wrong with the request.
func ParseSTS(contentType string, body []byte) (Call, error) {
	form, err := parseForm(contentType, body)
	if err != nil {
		return Call{}, err
	}
	if v := form["Version"]; v != apiVersion {
		return Call{}, malformed("Version is not %s.", apiVersion)
	}
	call := Call{Action: Action(form["Action"])}
	known, ok := parameters[call.Action]
	if !ok {
		return Call{}, unknownAction(form["Action"])
	}
	for name := range form {
		if name != "Action" && name != "Version" && !slices.Contains(known, name) {
			return Call{}, unknownParameter(name)
		}
	}
	if call.Action == AssumeRoleWithWebIdentity {
		err = call.readWebIdentity(form)
	}
	if err != nil {
		return Call{}, err
	}
	return call, nil
}

// parseForm reads a form in which no name occurs twice.
func parseForm(contentType string, body []byte) (map[string]string, error) {
	media, params, err := mime.ParseMediaType(contentType)
	charset, stated := params["charset"]
	if err != nil || media != "application/x-www-form-urlencoded" || (stated && !strings.EqualFold(charset, "utf-8")) {
		return nil, malformed("Content-Type is not application/x-www-form-urlencoded in UTF-8.")
	}
	if len(body) > maxForm {
		return nil, malformed("The body is longer than %d bytes.", maxForm)
	}
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, malformed("The body is not a form.")
	}
	form := make(map[string]string, len(values))
	for name, v := range values {
		if len(v) > 1 {
			return nil, malformed("A parameter occurs more than once: %s.", shown(name))
		}
		if !printable(name) || !printable(v[0]) {
			return nil, malformed("A parameter holds control characters or is not UTF-8: %s.", shown(name))
		}
		form[name] = v[0]
	}
	return form, nil
}

func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// shown quotes a name that the caller sent, shortened.
func shown(name string) string { return fmt.Sprintf("%.64q", name) }

func (c *Call) readWebIdentity(form map[string]string) error {
	c.RoleARN, c.SessionName, c.Token = form["RoleArn"], form["RoleSessionName"], Token(form["WebIdentityToken"])
	if _, err := ParseRole(c.RoleARN); err != nil {
		return malformed("RoleArn is not the ARN of a role.")
	}
	if !sessionName.MatchString(c.SessionName) {
		return malformed("RoleSessionName is not 2 to 64 of letters, digits and _+=,.@-.")
	}
	if len(c.Token) < minToken || len(c.Token) > maxToken {
		return malformed("WebIdentityToken is not %d to %d characters long.", minToken, maxToken)
	}
	text, stated := form["DurationSeconds"]
	if !stated {
		return nil
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || n < minDuration || n > maxDuration {
		return malformed("DurationSeconds is not a number from %d to %d.", minDuration, maxDuration)
	}
	c.Duration = time.Duration(n) * time.Second
	return nil
}

func malformed(format string, args ...any) *Refusal {
	return &Refusal{Reason: MalformedRequest, Message: fmt.Sprintf(format, args...)}
}

func unknownAction(name string) *Refusal {
	if name == "" {
		return &Refusal{Reason: UnknownAction, Message: "Action is missing."}
	}
	if hint, ok := hints[name]; ok {
		return &Refusal{Reason: UnknownAction, Message: fmt.Sprintf("%s is not served here: %s.", name, hint)}
	}
	return &Refusal{Reason: UnknownAction, Message: fmt.Sprintf("There is no action %s.", shown(name))}
}

func unknownParameter(name string) *Refusal {
	group, _, _ := strings.Cut(name, ".")
	switch group {
	case "Policy", "PolicyArns", "ProviderId":
		return &Refusal{Reason: Unsupported, Message: group + " is not supported: it would be ignored."}
	}
	return &Refusal{Reason: Unsupported, Message: fmt.Sprintf("There is no parameter %s for this action.", shown(name))}
}

// Role is what an IAM role's ARN names.
type Role struct {
	Partition string
	Account   string
	Name      string // the last path segment
}

var roleARN = regexp.MustCompile(`^arn:(aws(?:-[a-z]+)*):iam::([0-9]{12}):role/(?:[\w+=,.@-]+/)*([\w+=,.@-]{1,64})$`)

// ParseRole reads the ARN of an IAM role, such as
// arn:aws:iam::111122223333:role/team/support-agent. Wildcards do not occur in
// it.
func ParseRole(arn string) (Role, error) {
	m := roleARN.FindStringSubmatch(arn)
	if m == nil || len(arn) > maxRoleARN {
		return Role{}, fmt.Errorf("role ARN %.100q: want arn:aws:iam::ACCOUNT:role/NAME", arn)
	}
	return Role{Partition: m[1], Account: m[2], Name: m[3]}, nil
}
