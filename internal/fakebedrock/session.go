package fakebedrock

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Role is an IAM role that callers may assume at the stand-in's STS. Its own
// right has no limit: what a session may do is what its policy says.
type Role struct {
	ARN        string
	ExternalID string   // a caller must give it; empty: none wanted
	Trusted    []string // access key ids that may assume it; empty: every caller
	Nameless   bool     // the trust policy does not allow sts:SetSourceIdentity
}

// Session is a role's session, as AWS's own records would show it.
type Session struct {
	Account        string
	ARN            string // arn:aws:sts::<account>:assumed-role/<role>/<name>
	SourceIdentity string
	Policy         string // as it was given; empty: none, the role's whole right
	Tags           map[string]string
	Expires        time.Time

	rules   *sessionPolicy // nil: no limit
	chained bool           // made with another session
}

// sessionName and sourceIdentity are what STS takes.
const (
	stsName        = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+=,.@-"
	maxPolicy      = 2048
	shortestLife   = 900
	longestLife    = 43200
	longestChained = 3600
)

// assumption is what a caller asks of AssumeRole.
type assumption struct {
	role, name, source, externalID, policy string
	seconds                                int
	tags                                   map[string]string
}

// assume makes a session, and the credentials for it.
func (s *Server) assume(caller Credential, a assumption) (Session, Credential, *apiError) {
	i := slices.IndexFunc(s.cfg.Roles, func(r Role) bool { return r.ARN == a.role })
	if i < 0 {
		return Session{}, Credential{}, deniedAssumption(caller, "sts:AssumeRole", a.role)
	}
	role := s.cfg.Roles[i]
	switch {
	case len(role.Trusted) > 0 && !slices.Contains(role.Trusted, caller.AccessKeyID), role.ExternalID != a.externalID:
		return Session{}, Credential{}, deniedAssumption(caller, "sts:AssumeRole", a.role)
	case role.Nameless && a.source != "":
		return Session{}, Credential{}, deniedAssumption(caller, "sts:SetSourceIdentity", a.role)
	}
	if refused := s.checkAssumption(caller, a); refused != nil {
		return Session{}, Credential{}, refused
	}
	account, name := accountOf(role.ARN), role.ARN[strings.LastIndexByte(role.ARN, '/')+1:]
	made := Session{
		Account: account, ARN: "arn:aws:sts::" + account + ":assumed-role/" + name + "/" + a.name,
		SourceIdentity: a.source, Policy: a.policy, Tags: a.tags,
		Expires: s.cfg.Now().UTC().Truncate(time.Second).Add(time.Duration(a.seconds) * time.Second), chained: caller.session != nil,
	}
	if a.policy != "" {
		var err error
		if made.rules, err = parseSessionPolicy(a.policy); err != nil {
			return Session{}, Credential{}, &apiError{status: 400, name: "MalformedPolicyDocument", message: err.Error()}
		}
	}
	return made, s.vend(caller, &made), nil
}

func (s *Server) checkAssumption(caller Credential, a assumption) *apiError {
	longest := longestLife
	if caller.session != nil {
		longest = longestChained // role chaining
	}
	invalid := func(what string) *apiError {
		return &apiError{status: 400, name: "ValidationError", message: "1 validation error detected: Value at '" + what + "' failed to satisfy constraint"}
	}
	switch {
	case !isSTSName(a.name):
		return invalid("roleSessionName")
	case a.source != "" && !isSTSName(a.source):
		return invalid("sourceIdentity")
	case a.seconds < shortestLife || a.seconds > longest:
		return invalid("durationSeconds")
	case len([]rune(a.policy)) > maxPolicy, strings.ContainsFunc(a.policy, func(c rune) bool { return c > 0xff }):
		return invalid("policy")
	case caller.session != nil && caller.session.SourceIdentity != "" && caller.session.SourceIdentity != a.source && a.source != "":
		return deniedAssumption(caller, "sts:SetSourceIdentity", a.role)
	}
	return nil
}

func isSTSName(s string) bool { return len(s) >= 2 && len(s) <= 64 && strings.Trim(s, stsName) == "" }

// vend makes the keys of a session, known from now on. They are drawn from the
// caller's secret, so that nobody else can guess them, and repeat.
func (s *Server) vend(caller Credential, made *Session) Credential {
	mac := hmac.New(sha256.New, []byte(caller.SecretAccessKey))
	fmt.Fprintf(mac, "session %d of %s", s.served.Add(1), made.ARN)
	sum := mac.Sum(nil)
	c := Credential{
		AccessKeyID:     "ASIA" + base32.StdEncoding.EncodeToString(sum[:10]),
		SecretAccessKey: hex.EncodeToString(sum),
		session:         made,
	}
	token := sha256.Sum256([]byte("token " + c.SecretAccessKey))
	c.SessionToken = hex.EncodeToString(token[:])
	s.Admit(c)
	return c
}

func accountOf(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 {
		return ""
	}
	return parts[4]
}

// name is who a credential acts as.
func (c Credential) name() string {
	if c.session != nil {
		return c.session.ARN
	}
	return "arn:aws:iam::" + c.account() + ":user/" + c.AccessKeyID
}

func (c Credential) account() string {
	switch {
	case c.session != nil:
		return c.session.Account
	case c.Account != "":
		return c.Account
	}
	return "111122223333"
}

func deniedAssumption(caller Credential, action, role string) *apiError {
	return &apiError{status: 403, name: "AccessDenied",
		message: "User: " + caller.name() + " is not authorized to perform: " + action + " on resource: " + role}
}
