package estate

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/writ-project/writ/internal/awsiam"
)

// Credentials is the long-lived credentials of users, from the outputs of
// list-service-specific-credentials and list-access-keys, and from credential
// reports (the CSV, or get-credential-report's output).
type Credentials struct {
	users map[userKey]*UserCredentials
}

// userKey names a user by its ARN, or by name alone where an output has no ARN.
type userKey struct{ arn, name string }

// UserCredentials is what one user has.
type UserCredentials struct {
	ARN              string // empty: the output has only the name
	Name             string
	AccessKeys       []AccessKey
	ServiceSpecific  []ServiceSpecific
	Password         bool // known from a credential report only, as is MFA
	MFA              bool
	Reported         bool // a credential report was given
	PasswordLastUsed time.Time
}

// AccessKey is an access key. Reports have no ids.
type AccessKey struct {
	ID       string
	Active   bool
	Created  time.Time // of a report: last rotated
	LastUsed time.Time
}

// ServiceSpecific is a credential for one service, such as a Bedrock API key.
type ServiceSpecific struct {
	ID          string
	ServiceName string // such as bedrock.amazonaws.com
	Active      bool
	Created     time.Time
	Expires     time.Time // zero: never
}

// Of returns what a user has, or nil if the input has nothing of it.
func (c *Credentials) Of(p *Principal) *UserCredentials {
	if u := c.users[userKey{arn: p.ARN}]; u != nil {
		return u
	}
	return c.users[userKey{name: p.Name}]
}

// Users returns all of them, by ARN, then name.
func (c *Credentials) Users() []*UserCredentials {
	return slices.SortedFunc(maps.Values(c.users), func(a, b *UserCredentials) int {
		return cmp.Or(cmp.Compare(a.ARN, b.ARN), cmp.Compare(a.Name, b.Name))
	})
}

// credentials reads the files of credentials.
func (l *loader) credentials() error {
	if len(l.Credentials) == 0 {
		return nil
	}
	r := credentialReader{l: l, into: &Credentials{users: map[userKey]*UserCredentials{}}}
	for _, name := range l.Credentials {
		if err := r.file(name); err != nil {
			return err
		}
	}
	r.join()
	l.estate.Credentials = r.into
	return nil
}

type credentialReader struct {
	*cursor
	l    *loader
	into *Credentials
}

func (r *credentialReader) user(key userKey) *UserCredentials {
	u := r.into.users[key]
	if u == nil {
		u = &UserCredentials{ARN: key.arn, Name: key.name}
		r.into.users[key] = u
	}
	return u
}

// file reads a CSV report, or one or more outputs of the AWS CLI.
func (r *credentialReader) file(name string) (err error) {
	if r.cursor, err = r.l.whole(name, "credentials"); err != nil {
		return err
	}
	if bytes.HasPrefix(r.raw, []byte("user,arn,")) {
		r.report(r.raw, r.start)
	} else {
		err = r.outputs()
	}
	r.l.problems.add(r.problems...)
	if r.doubt != "" {
		r.l.incomplete("", "", "", "not all credentials could be read: "+r.doubt)
	}
	return err
}

// outputs reads objects, one after the other or in a list.
func (r *credentialReader) outputs() error {
	for {
		switch r.dec.PeekKind() {
		case 0:
			return r.end()
		case '[':
			if err := r.items("the list of outputs", r.output); err != nil {
				return err
			}
			continue
		}
		if err := r.output(); err != nil {
			return err
		}
	}
}

func (r *credentialReader) output() error {
	known, cut := false, false
	from := r.dec.InputOffset()
	err := r.members("an output", func(name string) error {
		switch name {
		case "AccessKeyMetadata":
			known = true
			return r.items(name, r.accessKey)
		case "ServiceSpecificCredentials":
			known = true
			return r.items(name, r.serviceSpecific)
		case "Content":
			known = true
			return r.content()
		case "IsTruncated":
			return r.boolean(name, &cut)
		}
		return r.skip()
	})
	if err == nil && !known {
		r.unsure(from, "neither AccessKeyMetadata nor ServiceSpecificCredentials nor a report's Content")
	}
	if cut {
		r.unsure(from, "more credentials follow, which are not in the input")
	}
	return err
}

func (r *credentialReader) accessKey() error {
	k, user, status := AccessKey{}, "", ""
	err := r.members("an access key", func(name string) error {
		switch name {
		case "UserName":
			return r.text(name, &user)
		case "AccessKeyId":
			return r.text(name, &k.ID)
		case "Status":
			return r.text(name, &status)
		case "CreateDate":
			return r.when(name, &k.Created)
		}
		return r.skip()
	})
	if err == nil && user == "" {
		r.unsure(r.dec.InputOffset(), "an access key has no UserName")
		return nil
	}
	k.Active = status == "Active"
	u := r.user(userKey{name: user})
	u.AccessKeys = append(u.AccessKeys, k)
	return err
}

func (r *credentialReader) serviceSpecific() error {
	s, user, status := ServiceSpecific{}, "", ""
	err := r.members("a service-specific credential", func(name string) error {
		switch name {
		case "UserName":
			return r.text(name, &user)
		case "ServiceSpecificCredentialId":
			return r.text(name, &s.ID)
		case "ServiceName":
			return r.text(name, &s.ServiceName)
		case "Status":
			return r.text(name, &status)
		case "CreateDate":
			return r.when(name, &s.Created)
		case "ExpirationDate":
			return r.when(name, &s.Expires)
		}
		return r.skip()
	})
	if err == nil && user == "" {
		r.unsure(r.dec.InputOffset(), "a service-specific credential has no UserName")
		return nil
	}
	s.Active = status == "Active"
	u := r.user(userKey{name: user})
	u.ServiceSpecific = append(u.ServiceSpecific, s)
	return err
}

// content reads a report as get-credential-report returns it.
func (r *credentialReader) content() error {
	var s span
	text := ""
	if err := r.span(&s); err != nil || !s.is() {
		return err
	}
	if r.raw[s.from] == '"' {
		text = unquote(r.raw[s.from:s.to])
	}
	csv, err := base64.StdEncoding.DecodeString(text)
	if err != nil || text == "" {
		r.unsure(s.from, "Content is not a report in base64")
		return nil
	}
	r.report(csv, r.position(s.from))
	return nil
}

// report reads a credential report
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_getting-report.html).
func (r *credentialReader) report(data []byte, at awsiam.Position) {
	lines := csv.NewReader(bytes.NewReader(data))
	header, err := lines.Read()
	for err == nil {
		var fields []string
		if fields, err = lines.Read(); err == nil {
			r.row(header, fields)
		}
	}
	if !errors.Is(err, io.EOF) {
		r.unsure(at.Offset-r.start.Offset, "the credential report: %v", err)
	}
}

func (r *credentialReader) row(header, fields []string) {
	row := map[string]string{}
	for i, h := range header { // the CSV reader sees to it that there are as many
		row[h] = fields[i]
	}
	u := r.user(userKey{arn: row["arn"]})
	u.Name, u.Reported = row["user"], true
	u.Password, u.MFA = row["password_enabled"] == "true", row["mfa_active"] == "true"
	u.PasswordLastUsed, _ = parseTime(row["password_last_used"]) // N/A, no_information: never, or unknown
	for _, n := range []string{"1", "2"} {
		created, ok := parseTime(row["access_key_"+n+"_last_rotated"])
		active := row["access_key_"+n+"_active"] == "true"
		if !ok && !active {
			continue
		}
		used, _ := parseTime(row["access_key_"+n+"_last_used_date"])
		u.AccessKeys = append(u.AccessKeys, AccessKey{Active: active, Created: created, LastUsed: used})
	}
}

// join puts what has only a name together with the reports' users of that name:
// which of several accounts an output is from, it does not say.
func (r *credentialReader) join() {
	byName := map[string][]*UserCredentials{}
	for _, u := range r.into.Users() {
		if u.ARN != "" {
			byName[u.Name] = append(byName[u.Name], u)
		}
	}
	for _, u := range r.into.Users() {
		if u.ARN != "" || len(byName[u.Name]) == 0 {
			continue
		}
		if n := len(byName[u.Name]); n > 1 {
			r.l.incomplete("", "", "", fmt.Sprintf("%d accounts have a user %s: its credentials are counted for each", n, u.Name))
		}
		for _, full := range byName[u.Name] {
			full.take(u)
		}
		delete(r.into.users, userKey{name: u.Name})
	}
}

// take adds the credentials of an output to a report's. Keys that the report has
// too count once: it has no ids, but their times of creation.
func (u *UserCredentials) take(from *UserCredentials) {
	u.ServiceSpecific = append(u.ServiceSpecific, from.ServiceSpecific...)
	reported := u.AccessKeys
	if len(from.AccessKeys) > 0 {
		u.AccessKeys = slices.Clone(from.AccessKeys)
	}
	for i, k := range u.AccessKeys {
		for _, same := range reported {
			if same.Created.Equal(k.Created) {
				u.AccessKeys[i].LastUsed = same.LastUsed
			}
		}
	}
}
