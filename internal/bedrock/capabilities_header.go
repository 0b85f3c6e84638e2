package bedrock

import (
	"mime"
	"net/http"
	"slices"
	"strings"
)

const bedrockHeader = "X-Amzn-Bedrock-"

// invokeHeaders are InvokeModel's own request headers and how each is read.
var invokeHeaders = map[string]func(r *capReader, value string) error{
	"X-Amzn-Bedrock-Accept":                    func(*capReader, string) error { return nil },
	"X-Amzn-Bedrock-Guardrailidentifier":       (*capReader).headerGuardrailID,
	"X-Amzn-Bedrock-Guardrailversion":          (*capReader).headerGuardrailVersion,
	"X-Amzn-Bedrock-Performanceconfig-Latency": (*capReader).headerLatency,
	"X-Amzn-Bedrock-Request-Metadata":          (*capReader).headerMetadata,
	"X-Amzn-Bedrock-Service-Tier":              (*capReader).headerTier,
	"X-Amzn-Bedrock-Trace":                     (*capReader).headerTrace,
}

// readHeaders reads the headers that Bedrock gives a meaning to. One that is
// repeated, and one under Bedrock's prefix that the operation does not have, is
// refused: the caller meant something by it, and nobody can say what.
func (r *capReader) readHeaders(h http.Header) error {
	for name, values := range h {
		read := invokeHeaders[name]
		ours := strings.HasPrefix(name, bedrockHeader)
		if !ours && name != "Accept" && name != "Content-Type" {
			continue
		}
		if len(values) != 1 {
			return badHeader(name, "given more than once")
		}
		if !printable(values[0]) {
			return badHeader(name, "holds a control character")
		}
		if !ours {
			continue
		}
		if read == nil || !hasHeader(r.op, name) {
			return badHeader(name, "has no meaning for "+string(r.op))
		}
		if err := read(r, values[0]); err != nil {
			return err
		}
	}
	if p := h["Openai-Project"]; r.op.OpenAI() && len(p) > 0 && (len(p) > 1 || p[0] != "default") {
		return badHeader("OpenAI-Project", "bedrock-runtime has the project default only; leave the header out")
	}
	return checkContentType(h.Get("Content-Type"))
}

// hasHeader reports whether an operation has one of invokeHeaders.
func hasHeader(op Operation, name string) bool {
	switch operations[op].shape {
	case nativeShape:
		return true
	case converseShape:
		return name == "X-Amzn-Bedrock-Accept"
	case chatShape:
		return slices.Contains(chatHeaders, name)
	}
	return false
}

// chatHeaders are those that chat completions share with InvokeModel.
var chatHeaders = []string{
	"X-Amzn-Bedrock-Guardrailidentifier",
	"X-Amzn-Bedrock-Guardrailversion",
	"X-Amzn-Bedrock-Trace",
}

func badHeader(name, problem string) error {
	return &RequestError{Where: "header " + name, Problem: problem}
}

func printable(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < 0x20 && s[i] != '\t' || s[i] == 0x7f {
			return false
		}
	}
	return true
}

// checkContentType refuses a body that another parser would take for something
// other than JSON in UTF-8. AWS's SDKs send application/json,
// application/octet-stream or nothing.
func checkContentType(v string) error {
	if v == "" || v == "application/json" || v == "application/octet-stream" {
		return nil
	}
	t, params, err := mime.ParseMediaType(v)
	if err != nil || t != "application/json" && t != "application/octet-stream" {
		return badHeader("Content-Type", "want application/json")
	}
	for name, value := range params {
		if name != "charset" || !strings.EqualFold(value, "utf-8") {
			return badHeader("Content-Type", "want application/json in UTF-8")
		}
	}
	return nil
}

func (r *capReader) headerGuardrailID(v string) error {
	if v == "" {
		return badHeader("X-Amzn-Bedrock-GuardrailIdentifier", "empty")
	}
	r.guardrail.id = v
	return nil
}

func (r *capReader) headerGuardrailVersion(v string) error {
	if v == "" {
		return badHeader("X-Amzn-Bedrock-GuardrailVersion", "empty")
	}
	r.guardrail.version = v
	return nil
}

func (r *capReader) headerLatency(v string) error {
	if !isSymbol(v) {
		return badHeader("X-Amzn-Bedrock-PerformanceConfig-Latency", "want a symbolic name")
	}
	r.caps.Latency = v
	return nil
}

func (r *capReader) headerTier(v string) error {
	if !isSymbol(v) {
		return badHeader("X-Amzn-Bedrock-Service-Tier", "want a symbolic name")
	}
	r.caps.ServiceTier = v
	return nil
}

// traceSettings are the values of InvokeModel's trace, and whether each turns it on.
var traceSettings = map[string]bool{"DISABLED": false, "ENABLED": true, "ENABLED_FULL": true}

const wantTrace = "want ENABLED, DISABLED or ENABLED_FULL"

func (r *capReader) headerTrace(v string) error {
	on, ok := traceSettings[v]
	switch {
	case !ok:
		return badHeader("X-Amzn-Bedrock-Trace", wantTrace)
	case on:
		return r.extra(extraTrace)
	}
	return nil
}

// headerMetadata reads request metadata, which is a JSON object in a header.
func (r *capReader) headerMetadata(v string) error {
	r.reset("header X-Amzn-Bedrock-Request-Metadata", []byte(v))
	if err := r.metadata(); err != nil {
		return err
	}
	return r.end()
}
