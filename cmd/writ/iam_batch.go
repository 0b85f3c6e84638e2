package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/writ-project/writ/internal/awsiam"
)

// maxLine bounds one line of a batch.
const maxLine = 16 << 20

// eachLine calls do for every line of a file that is not empty, and says which
// line an error is about.
func eachLine(path string, do func(line []byte) error) error {
	f, err := openFile(path)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(make([]byte, 0, 64<<10), maxLine)
	for n := 1; lines.Scan(); n++ {
		if len(lines.Bytes()) == 0 {
			continue
		}
		if err := do(lines.Bytes()); err != nil {
			return fmt.Errorf("%s, line %d: %w", path, n, err)
		}
	}
	return lines.Err()
}

// batchRequest is one concrete request with the policies that bind it; a
// contract.
type batchRequest struct {
	ID      string `json:"id"`
	Request struct {
		Principal string         `json:"principal"`
		Action    string         `json:"action"`
		Resource  string         `json:"resource"`
		AccountID string         `json:"accountId"`
		Context   map[string]any `json:"context"`
	} `json:"request"`
	Identity       []json.RawMessage   `json:"identity"`
	SCPs           [][]json.RawMessage `json:"scps"`
	RCPs           [][]json.RawMessage `json:"rcps"`
	Boundary       json.RawMessage     `json:"boundary"`
	Session        json.RawMessage     `json:"session"`
	ResourcePolicy json.RawMessage     `json:"resourcePolicy"`
}

// decideBatch answers concrete requests, a line each.
func decideBatch(path string, w io.Writer) error {
	out := bufio.NewWriter(w)
	defer out.Flush()
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	err := eachLine(path, func(line []byte) error {
		var b batchRequest
		if err := json.Unmarshal(line, &b); err != nil {
			return err
		}
		d, err := b.decide()
		if err != nil {
			return fmt.Errorf("request %q: %w", b.ID, err)
		}
		return enc.Encode(d)
	})
	return errors.Join(err, out.Flush())
}

// batchDecision is the answer to one of a batch.
type batchDecision struct {
	ID         string         `json:"id"`
	Decision   awsiam.Outcome `json:"decision"`
	Statements []awsiam.Ref   `json:"statements,omitempty"`
	Missing    []awsiam.Layer `json:"missing,omitempty"`
	Doubts     []string       `json:"ambiguities,omitempty"`
}

func (b *batchRequest) decide() (batchDecision, error) {
	p, err := awsiam.ParsePrincipal(b.Request.Principal)
	if err != nil {
		return batchDecision{}, err
	}
	ctx, err := b.context(p)
	if err != nil {
		return batchDecision{}, err
	}
	d := awsiam.Evaluate(awsiam.Request{Principal: p, Action: b.Request.Action, Resource: b.Request.Resource, Account: b.account(), Context: ctx}, b.layers())
	return batchDecision{ID: b.ID, Decision: d.Outcome, Statements: d.Statements, Missing: d.Missing, Doubts: d.Doubts}, nil
}

// account owns the resource. A model that belongs to no account counts as the
// caller's.
func (b *batchRequest) account() string {
	if named := awsiam.AccountOf(b.Request.Resource); named != "" {
		return named
	}
	return b.Request.AccountID
}

// context is the request's own, with what AWS says of every principal.
func (b *batchRequest) context(p awsiam.Principal) (awsiam.Context, error) {
	ctx := awsiam.Context{}
	ctx.Set("aws:PrincipalArn", awsiam.One(p.ARN))
	ctx.Set("aws:PrincipalAccount", awsiam.One(p.Account))
	for k, v := range b.Request.Context {
		value, err := contextValue(v)
		if err != nil {
			return nil, fmt.Errorf("context key %s: %w", k, err)
		}
		ctx.Set(k, value)
	}
	return ctx, nil
}

func contextValue(v any) (awsiam.Value, error) {
	switch v := v.(type) {
	case nil:
		return awsiam.Value{}, nil
	case []any:
		out := awsiam.Many()
		for _, x := range v {
			one, err := contextValue(x)
			if err != nil || len(one.Items) != 1 {
				return out, errors.New("a list holds what is no string")
			}
			out.Items = append(out.Items, one.Items[0])
		}
		return out, nil
	case map[string]any:
		return awsiam.Value{}, errors.New("it is an object")
	case float64:
		n, err := json.Marshal(v)
		return awsiam.One(string(n)), err
	}
	return awsiam.One(fmt.Sprint(v)), nil
}

func (b *batchRequest) layers() awsiam.Layers {
	l := awsiam.Layers{Identity: policiesOf("identity", b.Identity), SCPs: levels("scp", b.SCPs), RCPs: levels("rcp", b.RCPs),
		Boundary: policyOf("boundary", b.Boundary), Resource: policyOf("resourcePolicy", b.ResourcePolicy)}
	if s := policyOf("session", b.Session); s != nil {
		l.Sessions = []*awsiam.Document{s}
	}
	return l
}

func policyOf(name string, raw json.RawMessage) *awsiam.Document {
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	d, _ := awsiam.Parse(name, raw, awsiam.Position{})
	return d
}

func policiesOf(name string, list []json.RawMessage) []*awsiam.Document {
	out := []*awsiam.Document{}
	for i, raw := range list {
		if d := policyOf(fmt.Sprintf("%s %d", name, i+1), raw); d != nil {
			out = append(out, d)
		}
	}
	return out
}

// levels reads levels of policies; no level at all is none given.
func levels(name string, list [][]json.RawMessage) (out [][]*awsiam.Document) {
	for i, docs := range list {
		out = append(out, policiesOf(fmt.Sprintf("%s level %d", name, i+1), docs))
	}
	return out
}
