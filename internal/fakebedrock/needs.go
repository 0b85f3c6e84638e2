package fakebedrock

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
)

// actionOf is the IAM action on the model that an operation names; empty for
// one that names none.
var actionOf = map[string]string{
	opConverse:       "bedrock:InvokeModel",
	opInvoke:         "bedrock:InvokeModel",
	opChat:           "bedrock:InvokeModel",
	opStartAsync:     "bedrock:InvokeModel",
	opConverseStream: "bedrock:InvokeModelWithResponseStream",
	opInvokeStream:   "bedrock:InvokeModelWithResponseStream",
	opChatStream:     "bedrock:InvokeModelWithResponseStream",
	opCount:          "bedrock:CountTokens",
}

// needs lists what IAM checks: the profile, the model in the region called and
// in every region it may be routed to, the guardrail, the system tools and the
// objects named; of an asynchronous invocation also itself, its tags, the place
// of its answer and the key for it.
func (s *Server) needs(req Request) (out []need) {
	here := ":" + req.Region + ":" + req.Session.Account + ":"
	switch req.Operation {
	case opApply:
		return []need{{"bedrock:ApplyGuardrail", guardrailARN(req, guardrailIn(req.Path))}}
	case opGetAsync:
		arn, _ := invocationIn(req.Path)
		return []need{{"bedrock:GetAsyncInvoke", arn}}
	case opListAsync:
		return []need{{"bedrock:ListAsyncInvokes", "arn:aws:bedrock" + here + "async-invoke/*"}}
	}
	for _, r := range s.modelResources(req) {
		out = append(out, need{actionOf[req.Operation], r})
	}
	if req.Operation == opStartAsync {
		out = append(out, startNeeds(req.Body, here)...)
	}
	for _, body := range insideOf(req) {
		if g := guardrailOf(body); g != "" {
			out = append(out, need{"bedrock:ApplyGuardrail", guardrailARN(req, g)})
		}
		for _, tool := range systemToolsOf(body) {
			out = append(out, need{"bedrock:InvokeTool", "arn:aws:bedrock::" + req.Session.Account + ":system-tool/" + tool})
		}
		for _, uri := range objectsIn(body) {
			out = append(out, need{"s3:GetObject", "arn:aws:s3:::" + strings.TrimPrefix(uri, "s3://")})
		}
	}
	if g := req.Header.Get("X-Amzn-Bedrock-GuardrailIdentifier"); g != "" {
		out = append(out, need{"bedrock:ApplyGuardrail", guardrailARN(req, g)})
	}
	return out
}

// insideOf is the body and, for CountTokens, the one that is counted inside it.
func insideOf(req Request) []string {
	bodies := []string{string(req.Body)}
	var b struct {
		Input struct {
			Converse    json.RawMessage
			InvokeModel struct{ Body []byte }
		}
	}
	if req.Operation == opCount && json.Unmarshal(req.Body, &b) == nil {
		bodies = append(bodies, string(b.Input.Converse), string(b.Input.InvokeModel.Body))
	}
	return bodies
}

// startNeeds is what starting an asynchronous invocation needs beside its
// model. It has no name yet when that is asked, so the resource is any.
func startNeeds(body []byte, here string) []need {
	var b struct {
		Output struct {
			S3 struct {
				URI string `json:"s3Uri"`
				Key string `json:"kmsKeyId"`
			} `json:"s3OutputDataConfig"`
		} `json:"outputDataConfig"`
		Tags []json.RawMessage `json:"tags"`
	}
	_ = json.Unmarshal(body, &b) // a body in another shape is refused later
	invocation := "arn:aws:bedrock" + here + "async-invoke/*"
	place := strings.TrimSuffix(strings.TrimPrefix(b.Output.S3.URI, "s3://"), "/")
	out := []need{{"bedrock:InvokeModel", invocation}, {"s3:PutObject", "arn:aws:s3:::" + place + "/abcdefghijkl/output.mp4"}}
	if len(b.Tags) > 0 {
		out = append(out, need{"bedrock:TagResource", invocation})
	}
	if key := b.Output.S3.Key; key != "" {
		if !strings.HasPrefix(key, "arn:") {
			key = "arn:aws:kms" + here + "key/" + key
		}
		out = append(out, need{"kms:GenerateDataKey", key}, need{"kms:Decrypt", key}) // S3 joins an answer's parts
	}
	return out
}

// guardrailIn is the guardrail that the path of ApplyGuardrail names.
func guardrailIn(path string) string {
	path, _, _ = strings.Cut(path, "?")
	rest := strings.TrimSuffix(strings.TrimPrefix(path, "/guardrail/"), "/apply")
	name, _, _ := strings.Cut(rest, "/version/")
	name, err := url.PathUnescape(name)
	if err != nil {
		return ""
	}
	return name
}

// invocationIn is the invocation that the path of GetAsyncInvoke names.
func invocationIn(path string) (string, error) {
	path, _, _ = strings.Cut(path, "?")
	return url.PathUnescape(strings.TrimPrefix(path, "/async-invoke/"))
}

func guardrailARN(req Request, named string) string {
	if strings.HasPrefix(named, "arn:") {
		return named
	}
	return "arn:aws:bedrock:" + req.Region + ":" + req.Session.Account + ":guardrail/" + named
}

func guardrailOf(text string) string {
	var body struct {
		GuardrailConfig struct {
			GuardrailIdentifier string `json:"guardrailIdentifier"`
		} `json:"guardrailConfig"`
	}
	_ = json.Unmarshal([]byte(text), &body) // a body in another shape names none
	return body.GuardrailConfig.GuardrailIdentifier
}

func systemToolsOf(text string) (names []string) {
	var body struct {
		ToolConfig struct {
			Tools []struct {
				SystemTool struct {
					Name string `json:"name"`
				} `json:"systemTool"`
			} `json:"tools"`
		} `json:"toolConfig"`
	}
	_ = json.Unmarshal([]byte(text), &body) // a body in another shape names none
	for _, t := range body.ToolConfig.Tools {
		if t.SystemTool.Name != "" {
			names = append(names, t.SystemTool.Name)
		}
	}
	return names
}

// objectsIn finds every object that a body has Bedrock read: an s3Location, or
// an s3Uri that does not say where an answer goes.
func objectsIn(text string) (uris []string) {
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, inner := range v {
				if at, ok := inner.(map[string]any); ok && name == "s3Location" {
					if uri, ok := at["uri"].(string); ok {
						uris = append(uris, uri)
					}
				}
				if uri, ok := inner.(string); ok && name == "s3Uri" {
					uris = append(uris, uri)
				}
				if name != "s3OutputDataConfig" {
					walk(inner)
				}
			}
		case []any:
			for _, inner := range v {
				walk(inner)
			}
		}
	}
	var whole any
	if json.Unmarshal([]byte(text), &whole) == nil {
		walk(whole)
	}
	slices.Sort(uris)
	return uris
}
