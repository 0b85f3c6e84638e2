package fakebedrock

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// sessionPolicy is as much of IAM's policy language as session policies are
// written in here: statements of actions and resources, with wildcards.
type sessionPolicy struct{ statements []sessionStatement }

type sessionStatement struct {
	deny               bool
	actions, resources []string
}

// words is a string or a list of them.
type words []string

func (w *words) UnmarshalJSON(b []byte) error {
	if bytes.HasPrefix(b, []byte(`"`)) {
		*w = make(words, 1)
		return json.Unmarshal(b, &(*w)[0])
	}
	return json.Unmarshal(b, (*[]string)(w))
}

func parseSessionPolicy(text string) (*sessionPolicy, error) {
	var in struct {
		Version   string
		Statement []struct {
			Sid, Effect      string
			Action, Resource words
		}
	}
	dec := json.NewDecoder(strings.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&in); err != nil {
		return nil, fmt.Errorf("the policy is not in the valid JSON format: %w", err)
	}
	if dec.More() {
		return nil, errors.New("the policy is more than one JSON value")
	}
	if in.Version != "2012-10-17" || len(in.Statement) == 0 {
		return nil, errors.New("the policy has no version or no statement")
	}
	p := &sessionPolicy{}
	for _, s := range in.Statement {
		if s.Effect != "Allow" && s.Effect != "Deny" || len(s.Action) == 0 || len(s.Resource) == 0 {
			return nil, errors.New("a statement lacks its effect, action or resource")
		}
		p.statements = append(p.statements, sessionStatement{s.Effect == "Deny", s.Action, s.Resource})
	}
	return p, nil
}

func (p *sessionPolicy) allows(action, resource string) bool {
	allowed := false
	for _, s := range p.statements {
		if slices.ContainsFunc(s.actions, func(a string) bool { return likeIAM(strings.ToLower(a), strings.ToLower(action)) }) &&
			slices.ContainsFunc(s.resources, func(r string) bool { return likeIAM(r, resource) }) {
			if s.deny {
				return false
			}
			allowed = true
		}
	}
	return allowed
}

// likeIAM matches IAM's * and ?.
func likeIAM(pattern, s string) bool {
	star, mark := -1, 0
	i, j := 0, 0
	for j < len(s) {
		switch {
		case i < len(pattern) && pattern[i] == '*':
			star, mark, i = i, j, i+1
		case i < len(pattern) && (pattern[i] == '?' || pattern[i] == s[j]):
			i, j = i+1, j+1
		case star >= 0:
			mark++
			i, j = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[i:], "*") == ""
}

// need is one thing that IAM asks about a call.
type need struct{ action, resource string }

// authorise is IAM's part: what a call made with a session needs, against the
// session's policy. It derives that from the request by itself.
func (s *Server) authorise(req Request) *apiError {
	if req.Session == nil || req.Session.rules == nil {
		return nil
	}
	for _, n := range s.needs(req) {
		if !req.Session.rules.allows(n.action, n.resource) {
			return &apiError{status: http.StatusForbidden, name: "AccessDeniedException",
				message: "User: " + req.Session.ARN + " is not authorized to perform: " + n.action + " on resource: " + n.resource +
					" because no session policy allows the " + n.action + " action"}
		}
	}
	return nil
}

// needs lists what IAM checks: the profile, the model in the region called and
// in every region it may be routed to, the guardrail and the objects named.
func (s *Server) needs(req Request) []need {
	action := "bedrock:InvokeModel"
	if req.Operation == opConverseStream || req.Operation == opInvokeStream {
		action = "bedrock:InvokeModelWithResponseStream"
	}
	var out []need
	for _, r := range s.modelResources(req) {
		out = append(out, need{action, r})
	}
	if g := guardrailOf(req); g != "" {
		if !strings.HasPrefix(g, "arn:") {
			g = "arn:aws:bedrock:" + req.Region + ":" + req.Session.Account + ":guardrail/" + g
		}
		out = append(out, need{"bedrock:ApplyGuardrail", g})
	}
	for _, uri := range objectsIn(req.Body) {
		out = append(out, need{"s3:GetObject", "arn:aws:s3:::" + strings.TrimPrefix(uri, "s3://")})
	}
	return out
}

func (s *Server) modelResources(req Request) []string {
	foundation := func(region, id string) string { return "arn:aws:bedrock:" + region + "::foundation-model/" + id }
	id, arn := req.Model, req.Model
	if kind, name, ok := strings.Cut(req.Model, "/"); ok && strings.HasPrefix(req.Model, "arn:") {
		if !strings.HasSuffix(kind, ":inference-profile") {
			return []string{req.Model}
		}
		id = name
	} else {
		arn = "arn:aws:bedrock:" + req.Region + ":" + req.Session.Account + ":inference-profile/" + id
	}
	geo, model, _ := strings.Cut(id, ".")
	if !slices.Contains(geographies, geo) {
		return []string{foundation(req.Region, id)}
	}
	out := []string{arn, foundation(req.Region, model)}
	for _, region := range s.cfg.Destinations[id] {
		out = append(out, foundation(region, model))
	}
	if geo == "global" {
		out = append(out, foundation("", model))
	}
	return out
}

func guardrailOf(req Request) string {
	if g := req.Header.Get("X-Amzn-Bedrock-GuardrailIdentifier"); g != "" {
		return g
	}
	var body struct {
		GuardrailConfig struct {
			GuardrailIdentifier string `json:"guardrailIdentifier"`
		} `json:"guardrailConfig"`
	}
	_ = json.Unmarshal(req.Body, &body) // a body in another shape names none
	return body.GuardrailConfig.GuardrailIdentifier
}

// objectsIn finds every s3:// URI that a body names.
func objectsIn(body []byte) (uris []string) {
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if at, ok := v["s3Location"].(map[string]any); ok {
				if uri, ok := at["uri"].(string); ok {
					uris = append(uris, uri)
				}
			}
			for _, inner := range v {
				walk(inner)
			}
		case []any:
			for _, inner := range v {
				walk(inner)
			}
		}
	}
	var whole any
	if json.Unmarshal(body, &whole) == nil {
		walk(whole)
	}
	slices.Sort(uris)
	return uris
}
