package spend

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/writ-project/writ/internal/bedrock"
)

// Invocation is one record of Bedrock's model invocation log, without its bodies.
type Invocation struct {
	RequestID string
	At        time.Time
	Account   string
	Region    string // called
	Operation string
	Model     string // as the caller named it: an id, a profile or an ARN
	Principal string // ARN of who called; empty: the record does not say
	Tokens    bedrock.Tokens
	Failed    bool
}

// invocationLine is the shape of a record (Bedrock user guide, model invocation
// logging); what is not listed is not read.
type invocationLine struct {
	SchemaType string `json:"schemaType"`
	Timestamp  string `json:"timestamp"`
	Account    string `json:"accountId"`
	Region     string `json:"region"`
	RequestID  string `json:"requestId"`
	Operation  string `json:"operation"`
	Model      string `json:"modelId"`
	ErrorCode  string `json:"errorCode"`
	Identity   struct {
		ARN string `json:"arn"`
	} `json:"identity"`
	Input struct {
		Tokens     int64 `json:"inputTokenCount"`
		CacheRead  int64 `json:"cacheReadInputTokenCount"`
		CacheWrite int64 `json:"cacheWriteInputTokenCount"`
	} `json:"input"`
	Output struct {
		Tokens int64 `json:"outputTokenCount"`
	} `json:"output"`
}

// ReadInvocations reads a model invocation log as Bedrock delivers it to S3, one
// JSON object a line. Lines that are no such record go to skip, with a reason that
// holds nothing of them.
func ReadInvocations(r io.Reader, visit func(Invocation) error, skip func(line int64, reason string)) error {
	return eachLine(r, func(n int64, text []byte) error {
		v, err := ParseInvocation(text)
		if err != nil {
			skip(n, err.Error())
			return nil
		}
		return visit(v)
	}, skip)
}

// maxCount is more than the tokens of any call: what is above is no count.
const maxCount = 1 << 40

// ParseInvocation reads one record.
func ParseInvocation(text []byte) (Invocation, error) {
	var l invocationLine
	if err := json.Unmarshal(text, &l); err != nil {
		return Invocation{}, errors.New("it is no JSON object of the shape of an invocation record")
	}
	at, err := parseTime(l.Timestamp)
	switch {
	case l.SchemaType != "" && l.SchemaType != "ModelInvocationLog":
		return Invocation{}, errors.New("schemaType is not ModelInvocationLog")
	case err != nil:
		return Invocation{}, errors.New("timestamp is no time")
	}
	for name, v := range map[string]string{"requestId": l.RequestID, "accountId": l.Account, "region": l.Region, "operation": l.Operation, "modelId": l.Model} {
		if v == "" || len(v) > 2048 {
			return Invocation{}, fmt.Errorf("%s is missing or too long", name)
		}
	}
	t := bedrock.Tokens{Input: l.Input.Tokens, Output: l.Output.Tokens, CacheRead: l.Input.CacheRead, CacheWrite: l.Input.CacheWrite}
	for _, n := range []int64{t.Input, t.Output, t.CacheRead, t.CacheWrite} {
		if n < 0 || n > maxCount {
			return Invocation{}, errors.New("a token count is negative or absurd")
		}
	}
	return Invocation{
		RequestID: l.RequestID, At: at, Account: l.Account, Region: l.Region, Operation: l.Operation, Model: l.Model,
		Principal: l.Identity.ARN, Tokens: t, Failed: l.ErrorCode != "",
	}, nil
}

// timeForms are how AWS writes times in logs and bills.
var timeForms = []string{time.RFC3339Nano, "2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999", time.DateOnly}

func parseTime(s string) (time.Time, error) {
	for _, form := range timeForms {
		if t, err := time.Parse(form, s); err == nil && t.Year() >= 2023 && t.Year() < 2200 {
			return t.UTC(), nil
		}
	}
	return time.Time{}, errors.New("no time")
}
