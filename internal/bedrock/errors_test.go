package bedrock

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	"github.com/google/go-cmp/cmp"
)

var someTime = time.Date(2026, 11, 23, 9, 30, 0, 0, time.FixedZone("CET", 3600))

func TestWriteError(t *testing.T) {
	w := httptest.NewRecorder()
	WriteError(w, Error{Type: ThrottlingException, Message: "slow \"down\"\xff", RetryAfter: 1500 * time.Millisecond}, "req-1", "dec-1", someTime)
	if w.Code != 429 {
		t.Errorf("status %d, want 429", w.Code)
	}
	got := map[string]string{}
	for k, v := range w.Header() {
		got[k] = strings.Join(v, "|")
	}
	want := map[string]string{
		"Content-Length":    "30",
		"Content-Type":      "application/json",
		"Date":              "Mon, 23 Nov 2026 08:30:00 GMT",
		"X-Amz-Retry-After": "1500",
		"X-Amzn-Errortype":  "ThrottlingException",
		"X-Amzn-Requestid":  "req-1",
		"X-Writ-Decision":   "dec-1",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if got, want := w.Body.String(), `{"message":"slow \"down\"�"}`; got != want {
		t.Errorf("body %s, want %s", got, want)
	}
}

func TestWriteErrorWithoutTypeIsInternal(t *testing.T) {
	for _, e := range []Error{{}, {Type: "MadeUpException"}} {
		w := httptest.NewRecorder()
		WriteError(w, e, "r", "", someTime)
		if w.Code != 500 || w.Header().Get("x-amzn-ErrorType") != "InternalServerException" {
			t.Errorf("%+v: got %d %v", e, w.Code, w.Header())
		}
		if _, sent := w.Header()[DecisionHeader]; sent {
			t.Error("a decision that was not made is named")
		}
	}
}

func TestErrorStatuses(t *testing.T) {
	for typ, want := range map[ErrorType]int{
		AccessDeniedException: 403, ValidationException: 400, ResourceNotFoundException: 404, ConflictException: 400,
		ServiceQuotaExceededException: 400, ThrottlingException: 429, ModelNotReadyException: 429, ModelTimeoutException: 408,
		ModelErrorException: 424, ModelStreamErrorException: 424, InternalServerException: 500, ServiceUnavailableException: 503,
		InvalidSignatureException: 403, UnrecognizedClientException: 403, ExpiredTokenException: 403,
		MissingAuthenticationTokenException: 403, IncompleteSignatureException: 400, RequestTimeTooSkewed: 403,
	} {
		if got := typ.Status(); got != want {
			t.Errorf("%s: %d, want %d", typ, got, want)
		}
	}
}

// exception reads a frame with AWS's own decoder.
func exception(t *testing.T, frame []byte) (name string, body map[string]any) {
	t.Helper()
	m, err := eventstream.NewDecoder().Decode(bytes.NewReader(frame), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Headers.Get(":message-type").String(); got != "exception" {
		t.Fatalf("message type %s", got)
	}
	if err := json.Unmarshal(m.Payload, &body); err != nil {
		t.Fatal(err)
	}
	return m.Headers.Get(":exception-type").String(), body
}

func TestS23_CutIsNeverRetryable(t *testing.T) {
	for typ := range errorStatus {
		for _, op := range []Operation{ConverseStream, InvokeModelWithResponseStream} {
			name, _ := exception(t, AppendException(nil, op, Error{Type: typ, Message: "m"}))
			if name == "throttlingException" || name == "serviceUnavailableException" {
				t.Errorf("%s on %s became %s", typ, op, name)
			}
		}
	}
}

func TestAppendException(t *testing.T) {
	for _, c := range []struct {
		op     Operation
		e      Error
		name   string
		status any
	}{
		{ConverseStream, Error{Type: AccessDeniedException, Message: "m"}, "modelStreamErrorException", 403.0},
		{InvokeModelWithResponseStream, Error{Type: AccessDeniedException, Message: "m"}, "modelStreamErrorException", 403.0},
		{ConverseStream, Error{Type: ThrottlingException, Message: "m"}, "modelStreamErrorException", 429.0},
		{ConverseStream, Error{Type: ModelStreamErrorException, Message: "m", OriginalStatus: 500}, "modelStreamErrorException", 500.0},
		{ConverseStream, Error{Type: ModelTimeoutException, Message: "m"}, "modelStreamErrorException", 408.0},
		{InvokeModelWithResponseStream, Error{Type: ModelTimeoutException, Message: "m"}, "modelTimeoutException", nil},
		{ConverseStream, Error{Type: InternalServerException, Message: "m"}, "internalServerException", nil},
		{ConverseStream, Error{Type: ValidationException, Message: "m"}, "validationException", nil},
	} {
		name, body := exception(t, AppendException([]byte{}, c.op, c.e))
		if name != c.name || body["message"] != "m" || body["originalStatusCode"] != c.status {
			t.Errorf("%s on %s: got %s %v", c.e.Type, c.op, name, body)
		}
	}
}

func TestAppendFrameMatchesAWS(t *testing.T) {
	got := appendFrame([]byte("before"), ":exception-type", "throttlingException", "exception", []byte(`{"message":"Too many requests"}`))
	if hex.EncodeToString(got[len("before"):]) != goldenException {
		t.Errorf("got %x", got)
	}
	if got := AppendEvent(nil, "contentBlockDelta", []byte(`{"contentBlockIndex":0,"delta":{"text":"Hi"}}`)); hex.EncodeToString(got) != goldenEvent {
		t.Errorf("got %x", got)
	}
}

// OpenAI's SDKs raise by status and try again on 408, 409, 429 and 5xx, unless
// a header tells them not to (security S23).
func TestS23_OpenAIRefusalsAreNotTriedAgain(t *testing.T) {
	for typ, want := range map[ErrorType]struct {
		status int
		kind   string
		final  bool
	}{
		UnrecognizedClientException:         {401, "authentication_error", true},
		MissingAuthenticationTokenException: {401, "authentication_error", true},
		ExpiredTokenException:               {401, "authentication_error", true},
		InvalidSignatureException:           {401, "authentication_error", true},
		IncompleteSignatureException:        {401, "authentication_error", true},
		RequestTimeTooSkewed:                {401, "authentication_error", true},
		AccessDeniedException:               {403, "permission_error", true},
		ValidationException:                 {400, "invalid_request_error", true},
		UnknownOperationException:           {404, "invalid_request_error", true},
		ThrottlingException:                 {429, "rate_limit_error", false},
		ServiceUnavailableException:         {503, "server_error", false},
		InternalServerException:             {500, "server_error", false},
		"Nonsense":                          {500, "server_error", false},
	} {
		w := httptest.NewRecorder()
		WriteOpenAIError(w, Error{Type: typ, Message: "m \"q\" \xff", RetryAfter: time.Second}, "req", "dec", time.Unix(1_800_000_000, 0))
		var got struct {
			Error struct {
				Message, Type, Code string
				Param               any
			}
		}
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatalf("%s: %v in %s", typ, err, w.Body)
		}
		h := w.Header()
		if w.Code != want.status || got.Error.Type != want.kind || got.Error.Message != "m \"q\" \uFFFD" || got.Error.Code != h.Get("X-Amzn-Errortype") {
			t.Errorf("%s: %d %s", typ, w.Code, w.Body)
		}
		if (h.Get("X-Should-Retry") == "false") != want.final || h.Get("X-Request-Id") != "req" || h.Get("X-Amzn-Requestid") != "req" ||
			h.Get(DecisionHeader) != "dec" || h.Get("Retry-After-Ms") != "1000" || h.Get("Date") == "" {
			t.Errorf("%s: %v", typ, h)
		}
	}
	event := string(AppendErrorEvent([]byte("x"), Error{Type: AccessDeniedException, Message: "the call was cut\n\ndata: [DONE]"}))
	if want := `xdata: {"error":{"message":"the call was cut\n\ndata: [DONE]","type":"permission_error","param":null,"code":"AccessDeniedException"}}` + "\n\n"; event != want {
		t.Errorf("got %q", event)
	}
	for path, want := range map[string]bool{"/openai/v1/x": true, "/v1/x": true, "/model/m/converse": false, "/openai": false, "/": false, "/v2/": false} {
		if OpenAIPath(path) != want {
			t.Errorf("%s: %v", path, !want)
		}
	}
}
