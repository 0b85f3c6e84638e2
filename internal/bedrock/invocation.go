package bedrock

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// InvocationRef names an asynchronous invocation. Only ParseInvocation makes
// one that is not empty.
type InvocationRef struct{ Partition, Region, Account, ID string }

// ParseInvocation reads the ARN of an asynchronous invocation, as AWS's pattern
// InvocationArn has it.
func ParseInvocation(s string) (InvocationRef, error) {
	parts := strings.SplitN(s, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != bedrockService {
		return InvocationRef{}, errors.New("the invocation is not named by its ARN")
	}
	id, ok := strings.CutPrefix(parts[5], "async-invoke/")
	r := InvocationRef{Partition: parts[1], Region: parts[3], Account: parts[4], ID: id}
	if !ok || !ValidPartition(r.Partition) || !ValidRegion(r.Region) || !ValidAccount(r.Account) || !within(id, 12, 12, opaqueSet) {
		return InvocationRef{}, errors.New("the ARN is not an asynchronous invocation's")
	}
	return r, nil
}

// String is the ARN.
func (r InvocationRef) String() string {
	return "arn:" + r.Partition + ":" + bedrockService + ":" + r.Region + ":" + r.Account + ":async-invoke/" + r.ID
}

// InvocationStatus is how far an asynchronous invocation is, in AWS's words.
type InvocationStatus string

// The statuses.
const (
	InProgress InvocationStatus = "InProgress"
	Completed  InvocationStatus = "Completed"
	Failed     InvocationStatus = "Failed"
)

// Known reports whether the status is one of AWS's.
func (s InvocationStatus) Known() bool { return s == InProgress || s == Completed || s == Failed }

// Invocation is what is known of an asynchronous invocation. Why one failed is
// left out: the message may quote the prompt.
type Invocation struct {
	ARN      string
	ModelARN string
	Token    string // clientRequestToken as Bedrock knows it; empty: none
	Status   InvocationStatus
	Output   Output
	Started  time.Time
	Modified time.Time // zero: not said
	Ended    time.Time // zero: not yet
}

// ReadStarted reads the answer of StartAsyncInvoke. It is exact in what it
// needs, and lets AWS add to the rest.
func ReadStarted(body []byte) (InvocationRef, error) {
	var a struct {
		ARN string `json:"invocationArn"`
	}
	if err := json.Unmarshal(body, &a); err != nil {
		return InvocationRef{}, errors.New("reading the invocation's ARN: the answer is not JSON")
	}
	return ParseInvocation(a.ARN)
}

// ReadInvocation reads the answer of GetAsyncInvoke, as far as it tells how an
// invocation goes on.
func ReadInvocation(body []byte) (Invocation, error) {
	var a struct {
		ARN      string           `json:"invocationArn"`
		Status   InvocationStatus `json:"status"`
		Modified time.Time        `json:"lastModifiedTime"`
		Ended    time.Time        `json:"endTime"`
	}
	if err := json.Unmarshal(body, &a); err != nil {
		return Invocation{}, errors.New("reading an invocation's status: the answer is not what AWS documents")
	}
	if !a.Status.Known() {
		return Invocation{}, fmt.Errorf("reading an invocation's status: %.32q is none", a.Status)
	}
	if _, err := ParseInvocation(a.ARN); err != nil {
		return Invocation{}, fmt.Errorf("reading an invocation's status: %w", err)
	}
	return Invocation{ARN: a.ARN, Status: a.Status, Modified: a.Modified.UTC(), Ended: a.Ended.UTC()}, nil
}

// summary and s3Output are ListAsyncInvokes' own shapes.
type summary struct {
	Token    string           `json:"clientRequestToken,omitempty"`
	Ended    time.Time        `json:"endTime,omitzero"`
	ARN      string           `json:"invocationArn"`
	Modified time.Time        `json:"lastModifiedTime,omitzero"`
	ModelARN string           `json:"modelArn"`
	Output   outputConfig     `json:"outputDataConfig"`
	Status   InvocationStatus `json:"status"`
	Started  time.Time        `json:"submitTime"`
}

type outputConfig struct {
	S3 s3Output `json:"s3OutputDataConfig"`
}

type s3Output struct {
	BucketOwner string `json:"bucketOwner,omitempty"`
	KMSKey      string `json:"kmsKeyId,omitempty"`
	URI         string `json:"s3Uri"`
}

// ListBody is the answer of ListAsyncInvokes; next is empty on the last page.
func ListBody(page []Invocation, next string) ([]byte, error) {
	out := struct {
		Summaries []summary `json:"asyncInvokeSummaries"`
		Next      string    `json:"nextToken,omitempty"`
	}{Summaries: []summary{}, Next: next}
	for _, i := range page {
		out.Summaries = append(out.Summaries, summary{
			Token: i.Token, Ended: i.Ended, ARN: i.ARN, Modified: i.Modified, ModelARN: i.ModelARN,
			Output: outputConfig{s3Output{i.Output.BucketOwner, i.Output.KMSKey, i.Output.URI}},
			Status: i.Status, Started: i.Started,
		})
	}
	return json.Marshal(out)
}

// ListQuery is what ListAsyncInvokes asks for.
type ListQuery struct {
	After, Before time.Time        // of submission, both exclusive; zero: no bound
	Status        InvocationStatus // empty: any
	Max           int              // entries of a page
	Next          string           // nextToken, as it was given out; empty: the first page
	Ascending     bool             // oldest first
}

// The bounds of a page, and its size when none is asked for.
const (
	maxPage     = 1000
	defaultPage = 100
	maxQuery    = 4096 // bytes of a query string
	maxNext     = 2048 // AWS: PaginationToken
)

var listParameters = map[string]func(q *ListQuery, value string) error{
	"submitTimeAfter":  func(q *ListQuery, v string) error { return instant(&q.After, v) },
	"submitTimeBefore": func(q *ListQuery, v string) error { return instant(&q.Before, v) },
	"statusEquals":     (*ListQuery).status,
	"maxResults":       (*ListQuery).max,
	"nextToken":        (*ListQuery).next,
	"sortBy":           (*ListQuery).sortBy,
	"sortOrder":        (*ListQuery).order,
}

// ParseListQuery reads the query string of ListAsyncInvokes, as received.
// Every parameter may stand once. A bare '+' is refused: whether it is a plus
// or a blank is for every reader to decide anew.
func ParseListQuery(raw string) (ListQuery, error) {
	q := ListQuery{Max: defaultPage}
	if len(raw) > maxQuery {
		return q, errors.New("the query string is too long")
	}
	seen := make(map[string]bool)
	for pair := range strings.SplitSeq(raw, "&") {
		if raw == "" {
			break
		}
		name, value, ok := strings.Cut(pair, "=")
		read := listParameters[name]
		switch {
		case read == nil || !ok:
			return q, errors.New("the query string holds something that is no parameter of ListAsyncInvokes")
		case seen[name]:
			return q, fmt.Errorf("%s is given more than once", name)
		case strings.ContainsAny(value, "+;"):
			return q, fmt.Errorf("%s holds a '+' or ';': escape it", name)
		}
		seen[name] = true
		plain, err := url.PathUnescape(value)
		if err != nil {
			return q, fmt.Errorf("%s holds an invalid percent escape", name)
		}
		if err := read(&q, plain); err != nil {
			return q, fmt.Errorf("%s: %w", name, err)
		}
	}
	return q, nil
}

func instant(to *time.Time, v string) error {
	t, err := time.Parse(time.RFC3339Nano, v)
	if err != nil || len(v) > 64 {
		return errors.New("want a time such as 2026-01-31T12:00:00Z")
	}
	*to = t.UTC()
	return nil
}

func (q *ListQuery) status(v string) error {
	if q.Status = InvocationStatus(v); !q.Status.Known() {
		return errors.New("want InProgress, Completed or Failed")
	}
	return nil
}

func (q *ListQuery) max(v string) (err error) {
	q.Max, err = strconv.Atoi(v)
	if err != nil || q.Max < 1 || q.Max > maxPage || strconv.Itoa(q.Max) != v {
		return fmt.Errorf("want 1 to %d", maxPage)
	}
	return nil
}

func (q *ListQuery) next(v string) error {
	if q.Next = v; v == "" || len(v) > maxNext {
		return fmt.Errorf("want 1 to %d characters", maxNext)
	}
	return nil
}

func (q *ListQuery) sortBy(v string) error {
	if v != "SubmissionTime" {
		return errors.New("want SubmissionTime")
	}
	return nil
}

func (q *ListQuery) order(v string) error {
	if v != "Ascending" && v != "Descending" {
		return errors.New("want Ascending or Descending")
	}
	q.Ascending = v == "Ascending"
	return nil
}
