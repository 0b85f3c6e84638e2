package bedrock

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	startBody = `{"clientRequestToken":"tok","modelId":"amazon.nova-reel-v1:1","modelInput":{"taskType":"TEXT_VIDEO","textToVideoParams":{"text":"a","images":[{"source":{"s3Location":{"uri":"s3://in/a.png"}}}]},"videoGenerationConfig":{"seed":1}},` +
		`"outputDataConfig":{"s3OutputDataConfig":{"s3Uri":"s3://out/x/","kmsKeyId":"arn:aws:kms:us-east-1:111122223333:key/k","bucketOwner":"111122223333"}},"tags":[{"key":"a","value":"b"},{"value":"","key":"c"}]}`
	startedARN = "arn:aws:bedrock:us-east-1:111122223333:async-invoke/abcdefghijk1"
)

func TestStartAsyncInvokeCapabilities(t *testing.T) {
	checkRead(t, StartAsyncInvoke, "amazon", header("Content-Type", "application/json"), startBody, Capabilities{
		S3: []string{"s3://in/a.png"}, KMSKeys: []string{"arn:aws:kms:us-east-1:111122223333:key/k"}, Tags: []string{"a=b", "c="},
		Output: &Output{URI: "s3://out/x/", KMSKey: "arn:aws:kms:us-east-1:111122223333:key/k", BucketOwner: "111122223333"},
	})
	// The input is read as the provider's own body is, whatever it switches on.
	inside := func(input string) string {
		return `{"modelId":"m.n","modelInput":` + input + `,"outputDataConfig":{"s3OutputDataConfig":{"s3Uri":"s3://out"}}}`
	}
	out := &Output{URI: "s3://out"}
	checkRead(t, StartAsyncInvoke, "anthropic", nil, inside(`{"max_tokens":5,"anthropic_beta":["x"],"future":{"u":"s3://a/b"},"messages":[]}`), Capabilities{
		MaxTokens: 5, Extras: []string{"beta:x"}, UnknownFields: []string{"modelInput.future"}, S3: []string{"s3://a/b"}, Output: out,
	})
	checkRead(t, StartAsyncInvoke, "twelvelabs", nil, inside(`{"inputType":"video","mediaSource":{"s3Location":{"uri":" S3://a/b ","bucketOwner":"1"}}}`), Capabilities{S3: []string{"S3://a/b"}, Output: out})
	checkRead(t, StartAsyncInvoke, "nobody", nil, inside(`{"a":1}`), Capabilities{UnknownFields: []string{"modelInput.a"}, Output: out})
	for name, c := range map[string][3]string{
		"no input":         {`{"modelId":"m.n","outputDataConfig":{"s3OutputDataConfig":{"s3Uri":"s3://o"}}}`, "modelInput"},
		"null input":       {inside(`null`), "modelInput"},
		"input as a list":  {inside(`[]`), "object"},
		"no output":        {`{"modelId":"m.n","modelInput":{}}`, "s3Uri"},
		"empty output":     {`{"modelId":"m.n","modelInput":{},"outputDataConfig":{}}`, "s3Uri"},
		"owner":            {strings.Replace(startBody, `"bucketOwner":"111122223333"`, `"bucketOwner":"me"`, 1), "bucketOwner"},
		"tag of a newline": {strings.Replace(startBody, `"value":"b"`, `"value":"b\n"`, 1), "control"},
		"tag without key":  {strings.Replace(startBody, `"key":"a",`, ``, 1), "tag"},
		"control":          {strings.Replace(startBody, `s3://out/x/`, `s3://out/\u0000/`, 1), "control"},
		"case":             {strings.Replace(startBody, `"modelInput"`, `"ModelInput"`, 1), "case"},
		"two texts":        {startBody + "{}", "after the end"},
	} {
		t.Run(name, func(t *testing.T) { refuse(t, StartAsyncInvoke, "amazon", nil, c[0], c[1]) })
	}
	refuse(t, StartAsyncInvoke, "amazon", header("X-Amzn-Bedrock-Trace", "ENABLED"), startBody, "no meaning")
	refuse(t, GetAsyncInvoke, "amazon", nil, "{}", "want none")
	refuse(t, ListAsyncInvokes, "", header("X-Amzn-Bedrock-Accept", "x"), "", "no meaning")
	checkRead(t, GetAsyncInvoke, "amazon", nil, "", Capabilities{})
}

func TestS3_TokenIsReplacedWhereItStands(t *testing.T) {
	for body, want := range map[string]string{
		`{"clientRequestToken":"t","modelId":"m"}`:                                                          `{"clientRequestToken":"new","modelId":"m"}`,
		` { "modelId":"m" , "client\u0052equestToken" : "a\"\\b\u0021" } `:                                  ` { "modelId":"m" , "client\u0052equestToken" : "new" } `,
		`{"modelInput":{"clientRequestToken":"x"},"clientRequestToken":"t","modelId":"clientRequestToken"}`: `{"modelInput":{"clientRequestToken":"x"},"clientRequestToken":"new","modelId":"clientRequestToken"}`,
	} {
		start, err := ReadAsyncStart([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := start.WithToken([]byte(body), "new"); err != nil || string(got) != want {
			t.Errorf("%s became %s, %v", body, got, err)
		}
		if got, err := start.WithToken([]byte(body), `n"ew`); err == nil {
			t.Errorf("a token that needs escapes: %s", got)
		}
	}
	for _, body := range []string{`{"modelId":"m"}`, `{"modelId":"m","clientRequestToken":null}`} {
		start, err := ReadAsyncStart([]byte(body))
		if err != nil || start.Token != "" {
			t.Errorf("%s: %+v, %v", body, start, err)
		}
		if _, err := start.WithToken([]byte(body), "new"); err == nil {
			t.Error("a token was put where there was none")
		}
	}
	for _, body := range []string{``, `{}`, `{"modelId":""}`, `{"modelId":7}`, `{"modelId":"m","clientRequestToken":""}`, `{"modelId":"m","clientRequestToken":"a b"}`, `{"modelId":"m","clientRequestToken":"ä"}`,
		`{"modelId":"m","clientRequestToken":"` + strings.Repeat("x", 257) + `"}`, `{"modelId":"` + strings.Repeat("m", 257) + `"}`, `{"modelId":"m","clientRequestToken":"a","clientRequestToken":"b"}`, `{"modelId":"m","clientrequesttoken":"b"}`, `{"modelId":"m"} x`, `[]`} {
		if start, err := ReadAsyncStart([]byte(body)); err == nil {
			t.Errorf("%s was read as %+v", body, start)
		}
	}
}

// FuzzReadAsyncStart holds that putting another token in changes what is read
// in nothing else, and no byte outside the token.
func FuzzReadAsyncStart(f *testing.F) {
	f.Add([]byte(startBody))
	f.Add([]byte(`{"modelId":"m","clientRequestToken" : "a\"\\b\u0021" , "x":[1,{"clientRequestToken":"y"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		start, err := ReadAsyncStart(body)
		if err != nil || start.Token == "" {
			return
		}
		again, err := start.WithToken(body, "0123abcd")
		if err != nil {
			t.Fatal(err)
		}
		got, err := ReadAsyncStart(again)
		if err != nil || got.Token != "0123abcd" || got.ModelID != start.ModelID {
			t.Fatalf("%q became %q: %+v, %v", body, again, got, err)
		}
		before, behind := body[:start.token[0]], body[start.token[1]:]
		if string(again) != string(before)+`"0123abcd"`+string(behind) {
			t.Fatalf("%q became %q", body, again)
		}
		one, err1 := ReadCapabilities(StartAsyncInvoke, "amazon", nil, body)
		two, err2 := ReadCapabilities(StartAsyncInvoke, "amazon", nil, again)
		if (err1 == nil) != (err2 == nil) || !cmp.Equal(one, two) {
			t.Fatalf("%q switches on %+v, %v; %q %+v, %v", body, one, err1, again, two, err2)
		}
	})
}

func TestParseInvocation(t *testing.T) {
	if got, err := ParseInvocation(startedARN); err != nil || got.String() != startedARN || got.ID != "abcdefghijk1" {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, s := range []string{"", "abcdefghijk1", startedARN + "2", startedARN[:len(startedARN)-1], strings.ToUpper(startedARN), strings.Replace(startedARN, "bedrock", "s3", 1),
		strings.Replace(startedARN, "async-invoke/", "async-invoke:", 1), strings.Replace(startedARN, "us-east-1", "*", 1), strings.Replace(startedARN, "111122223333", "", 1),
		strings.Replace(startedARN, "arn:aws:", "arn:awsx:", 1), " " + startedARN, strings.Replace(startedARN, "abcdefghijk1", "abcdefghij/1", 1)} {
		if got, err := ParseInvocation(s); err == nil {
			t.Errorf("%q was read as %+v", s, got)
		}
	}
}

// FuzzParseInvocation holds that what is accepted is its parts again.
func FuzzParseInvocation(f *testing.F) {
	f.Add(startedARN)
	f.Fuzz(func(t *testing.T, s string) {
		if got, err := ParseInvocation(s); err == nil && got.String() != s {
			t.Fatalf("%q is %q again", s, got)
		}
	})
}

func TestReadInvocation(t *testing.T) {
	got, err := ReadInvocation([]byte(`{"invocationArn":"` + startedARN + `","status":"Failed","failureMessage":"secret","submitTime":"2026-11-18T12:00:00Z","endTime":"2026-11-18T12:00:07.5Z","lastModifiedTime":"2026-11-18T12:00:08Z","new":1}`))
	want := Invocation{ARN: startedARN, Status: Failed, Ended: time.Date(2026, 11, 18, 12, 0, 7, 5e8, time.UTC), Modified: time.Date(2026, 11, 18, 12, 0, 8, 0, time.UTC)}
	if d := cmp.Diff(want, got); err != nil || d != "" {
		t.Error(err, d)
	}
	for _, body := range []string{``, `{}`, `{"invocationArn":"` + startedARN + `","status":"Lost"}`, `{"invocationArn":"x","status":"Failed"}`, `{"invocationArn":"` + startedARN + `","status":"Failed","endTime":"soon"}`, `[]`} {
		if got, err := ReadInvocation([]byte(body)); err == nil {
			t.Errorf("%s was read as %+v", body, got)
		}
	}
	for body, ok := range map[string]bool{`{"invocationArn":"` + startedARN + `"}`: true, `{}`: false, `{"invocationArn":7}`: false, `<html>`: false, `{"invocationArn":"arn:aws:s3:::x"}`: false} {
		if got, err := ReadStarted([]byte(body)); (err == nil) != ok {
			t.Errorf("%s was read as %+v, %v", body, got, err)
		}
	}
}

// FuzzReadInvocation holds that no answer breaks the readers, and that what
// they name is an invocation.
func FuzzReadInvocation(f *testing.F) {
	f.Add([]byte(`{"invocationArn":"` + startedARN + `","status":"Failed"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if got, err := ReadInvocation(body); err == nil {
			if _, err := ParseInvocation(got.ARN); err != nil || !got.Status.Known() {
				t.Fatalf("%q is %+v", body, got)
			}
		}
		if got, err := ReadStarted(body); err == nil {
			if _, err := ParseInvocation(got.String()); err != nil {
				t.Fatalf("%q starts %q", body, got)
			}
		}
	})
}

func TestParseListQuery(t *testing.T) {
	got, err := ParseListQuery("submitTimeAfter=2026-11-18T12%3A00%3A00Z&submitTimeBefore=2026-11-18T13:00:00.25%2B01:00&statusEquals=Failed&maxResults=7&nextToken=abc_-&sortBy=SubmissionTime&sortOrder=Ascending")
	want := ListQuery{
		After: time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC), Before: time.Date(2026, 11, 18, 12, 0, 0, 25e7, time.UTC),
		Status: Failed, Max: 7, Next: "abc_-", Ascending: true,
	}
	if d := cmp.Diff(want, got); err != nil || d != "" {
		t.Error(err, d)
	}
	if got, err := ParseListQuery(""); err != nil || got != (ListQuery{Max: defaultPage}) {
		t.Errorf("nothing asked for: %+v, %v", got, err)
	}
	for _, raw := range []string{"a=1", "maxResults", "maxResults=", "maxResults=1&maxResults=1", "maxResults=+1", "maxResults=01", "maxResults=1001", "maxResults=-1", "MaxResults=1", "%6daxResults=1",
		"statusEquals=failed", "sortBy=", "sortOrder=Up", "nextToken=", "nextToken=" + strings.Repeat("a", 2049), "submitTimeAfter=1700000000", "submitTimeAfter=2026-11-18", "maxResults=1;sortOrder=Ascending", "&", "maxResults=1&", "maxResults=%zz", "X-Amz-Signature=0",
		"submitTimeAfter=2026-11-18T12:00:00+01:00"} {
		if got, err := ParseListQuery(raw); err == nil {
			t.Errorf("%q was read as %+v", raw, got)
		}
	}
}

// FuzzParseListQuery holds that what is accepted keeps to its bounds.
func FuzzParseListQuery(f *testing.F) {
	f.Add("submitTimeAfter=2026-11-18T12%3A00%3A00Z&maxResults=7")
	f.Add("nextToken=a&nextToken=b")
	f.Fuzz(func(t *testing.T, raw string) {
		q, err := ParseListQuery(raw)
		if err == nil && (q.Max < 1 || q.Max > maxPage || len(q.Next) > maxNext || q.Status != "" && !q.Status.Known() || strings.Contains(raw, "+")) {
			t.Fatalf("%q is %+v", raw, q)
		}
	})
}

func TestListBody(t *testing.T) {
	at := time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC)
	got, err := ListBody([]Invocation{{ARN: startedARN, ModelARN: "m", Status: InProgress, Output: Output{URI: "s3://o/"}, Started: at}}, "n")
	want := `{"asyncInvokeSummaries":[{"invocationArn":"` + startedARN + `","modelArn":"m","outputDataConfig":{"s3OutputDataConfig":{"s3Uri":"s3://o/"}},"status":"InProgress","submitTime":"2026-11-18T12:00:00Z"}],"nextToken":"n"}`
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v", got, err)
	}
	if got, err := ListBody(nil, ""); err != nil || string(got) != `{"asyncInvokeSummaries":[]}` {
		t.Errorf("got %s, %v", got, err)
	}
}
