package fakebedrock

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The asynchronous operations. Nothing is written to S3: an invocation only
// goes from InProgress to Completed, or to Failed when its input says "fail".
const (
	opStartAsync = "StartAsyncInvoke"
	opGetAsync   = "GetAsyncInvoke"
	opListAsync  = "ListAsyncInvokes"
)

func asynchronous(op string) bool { return op == opStartAsync || op == opGetAsync || op == opListAsync }

// job is an asynchronous invocation. Like AWS's, a client token belongs to the
// whole account: whoever sends it again gets the first one's invocation.
type job struct {
	arn, model, token string
	request           [sha256.Size]byte // of the body it was started with
	output            object
	started, ends     time.Time
	failed            bool
}

// asyncRoute reads the paths of the asynchronous operations; an empty
// operation means that the path is none of theirs.
func asyncRoute(method, path string, body []byte) (op, model string, refused *apiError) {
	switch {
	case path == "/async-invoke" && method == http.MethodPost:
		var start struct {
			Model string `json:"modelId"`
		}
		if json.Unmarshal(body, &start) != nil {
			return opStartAsync, "", malformed("the body is not JSON")
		}
		return opStartAsync, start.Model, nil
	case path == "/async-invoke" && method == http.MethodGet:
		return opListAsync, "", nil
	case strings.HasPrefix(path, "/async-invoke/") && method == http.MethodGet:
		return opGetAsync, "", nil
	}
	return "", "", nil
}

func (s *Server) answerAsync(w http.ResponseWriter, r *http.Request, req Request, f Fault) {
	do := map[string]func(Request) (object, *apiError){opStartAsync: s.startJob, opGetAsync: s.getJob, opListAsync: s.listJobs}[req.Operation]
	out, refused := do(req)
	if refused != nil {
		writeError(w, r, refused)
		return
	}
	if s.wait(r.Context(), s.cfg.Latency) {
		whole(w, r, encode(out), f)
	}
}

var (
	tokenForm  = regexp.MustCompile(`^[!-~]{1,256}$`)
	outputForm = regexp.MustCompile(`^s3://[a-z0-9][.\-a-z0-9]{1,61}[a-z0-9](/.*)?$`)
)

// violated words a constraint as AWS does.
func violated(member, why string) *apiError {
	return validation("1 validation error detected: Value at '" + member + "' failed to satisfy constraint: " + why)
}

func (s *Server) startJob(req Request) (object, *apiError) {
	var body struct {
		Token  *string         `json:"clientRequestToken"`
		Input  json.RawMessage `json:"modelInput"`
		Output struct {
			S3 object `json:"s3OutputDataConfig"`
		} `json:"outputDataConfig"`
	}
	if err := json.Unmarshal(req.Body, &body); err != nil {
		return nil, malformed("the body is not of the operation's shape")
	}
	uri, _ := body.Output.S3["s3Uri"].(string)
	switch {
	case req.Model == "":
		return nil, violated("modelId", "Member must not be null")
	case len(body.Input) == 0 || body.Input[0] != '{':
		return nil, violated("modelInput", "Member must not be null")
	case !outputForm.MatchString(uri):
		return nil, violated("outputDataConfig.s3OutputDataConfig.s3Uri", "Member must satisfy regular expression pattern: "+outputForm.String())
	case body.Token != nil && !tokenForm.MatchString(*body.Token):
		return nil, violated("clientRequestToken", "Member must satisfy regular expression pattern: [!-~]*")
	}
	video := strings.HasPrefix(req.Model, "luma.") || strings.HasPrefix(req.Model, "twelvelabs.")
	if _, refused := s.familyOf(req.Model); refused != nil && !video {
		return nil, refused
	}
	j := &job{model: req.Model, request: sha256.Sum256(req.Body), output: body.Output.S3, failed: strings.Contains(string(body.Input), `"fail"`)}
	if body.Token != nil {
		j.token = *body.Token
	}
	return s.addJob(j)
}

func (s *Server) addJob(j *job) (object, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.IndexFunc(s.jobs, func(o *job) bool { return j.token != "" && o.token == j.token }); i >= 0 {
		if s.jobs[i].request != j.request {
			return nil, &apiError{status: http.StatusBadRequest, name: "ConflictException", message: "The clientRequestToken was used before with another request."}
		}
		return object{"invocationArn": s.jobs[i].arn}, nil
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "job %d", len(s.jobs)))
	id := new(big.Int).SetBytes(sum[:]).Text(36)[:12]
	j.arn = "arn:aws:bedrock:" + s.cfg.Region + ":" + s.cfg.Account + ":async-invoke/" + id
	j.started = s.cfg.Now().UTC().Truncate(time.Millisecond)
	j.ends = j.started.Add(s.cfg.AsyncTime)
	s.jobs = append(s.jobs, j)
	return object{"invocationArn": j.arn}, nil
}

func (s *Server) getJob(req Request) (object, *apiError) {
	path, _, _ := strings.Cut(req.Path, "?")
	arn, err := url.PathUnescape(strings.TrimPrefix(path, "/async-invoke/"))
	if err != nil {
		return nil, violated("invocationArn", "Member must be an ARN")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.jobs, func(j *job) bool { return j.arn == arn })
	if i < 0 {
		return nil, validation("The provided invocationArn does not name an invocation.")
	}
	return s.describe(s.jobs[i]), nil
}

// listJobs lists the whole account's, newest first, as AWS does.
func (s *Server) listJobs(req Request) (object, *apiError) {
	_, query, _ := strings.Cut(req.Path, "?")
	q, err := url.ParseQuery(query)
	most, errMost := strconv.Atoi(q.Get("maxResults"))
	if err != nil || q.Has("maxResults") && (errMost != nil || most < 1 || most > 1000) {
		return nil, violated("maxResults", "Member must be between 1 and 1000")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []object{}
	for _, j := range slices.Backward(s.jobs) {
		if most == 0 || len(out) < most {
			out = append(out, s.describe(j))
		}
	}
	return object{"asyncInvokeSummaries": out}, nil
}

// describe is a job as it is now. The caller holds mu.
func (s *Server) describe(j *job) object {
	model := j.model
	if !strings.HasPrefix(model, "arn:") {
		model = "arn:aws:bedrock:" + s.cfg.Region + "::foundation-model/" + model
	}
	out := object{
		"invocationArn": j.arn, "modelArn": model,
		"status": "InProgress", "submitTime": j.started.Format(time.RFC3339Nano), "lastModifiedTime": j.started.Format(time.RFC3339Nano),
		"outputDataConfig": object{"s3OutputDataConfig": j.output},
	}
	if j.token != "" {
		out["clientRequestToken"] = j.token
	}
	if s.cfg.Now().Before(j.ends) {
		return out
	}
	end := j.ends.Format(time.RFC3339Nano)
	out["status"], out["endTime"], out["lastModifiedTime"] = "Completed", end, end
	if j.failed {
		out["status"], out["failureMessage"] = "Failed", "The stand-in was asked to fail."
	}
	return out
}
