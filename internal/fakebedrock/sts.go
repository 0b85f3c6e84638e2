package fakebedrock

import (
	"encoding/xml"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// The operations of the stand-in's STS, at POST /.
const (
	opAssumeRole     = "AssumeRole"
	opCallerIdentity = "GetCallerIdentity"
	stsNamespace     = "https://sts.amazonaws.com/doc/2011-06-15/"
)

// asksSTS reports whether a request is for STS and not for Bedrock.
func asksSTS(method, path string) bool { return method == http.MethodPost && path == "/" }

// answerSTS serves AssumeRole and GetCallerIdentity in the AWS Query protocol.
func (s *Server) answerSTS(w http.ResponseWriter, req Request, refused *apiError) {
	if refused == nil {
		refused = s.serveSTS(w, req)
	}
	if refused == nil {
		return
	}
	type failure struct {
		Type, Code, Message string
	}
	writeXML(w, refused.status, struct {
		XMLName xml.Name `xml:"ErrorResponse"`
		Space   string   `xml:"xmlns,attr"`
		Error   failure
	}{Space: stsNamespace, Error: failure{"Sender", refused.name, refused.message}})
}

func (s *Server) serveSTS(w http.ResponseWriter, req Request) *apiError {
	form, err := url.ParseQuery(string(req.Body))
	if err != nil {
		return &apiError{status: http.StatusBadRequest, name: "InvalidParameterValue", message: "The form could not be read."}
	}
	s.mu.Lock()
	caller := s.keys[req.Verified]
	s.mu.Unlock()
	switch form.Get("Action") {
	case opCallerIdentity:
		writeIdentity(w, caller)
		return nil
	case opAssumeRole:
		return s.serveAssumeRole(w, caller, form)
	}
	return &apiError{status: http.StatusBadRequest, name: "InvalidAction", message: "The stand-in serves AssumeRole and GetCallerIdentity."}
}

func (s *Server) serveAssumeRole(w http.ResponseWriter, caller Credential, form url.Values) *apiError {
	a := assumption{
		role: form.Get("RoleArn"), name: form.Get("RoleSessionName"), source: form.Get("SourceIdentity"),
		externalID: form.Get("ExternalId"), policy: form.Get("Policy"), seconds: longestChained, tags: map[string]string{},
	}
	for name := range form {
		if n, ok := strings.CutSuffix(name, ".Key"); ok && strings.HasPrefix(name, "Tags.member.") {
			a.tags[form.Get(name)] = form.Get(n + ".Value")
		}
	}
	if d := form.Get("DurationSeconds"); d != "" {
		a.seconds, _ = strconv.Atoi(d) // what is no number is refused as too short
	}
	made, keys, refused := s.assume(caller, a)
	if refused != nil {
		return refused
	}
	type vended struct {
		AccessKeyID     string `xml:"AccessKeyId"`
		SecretAccessKey string
		SessionToken    string
		Expiration      string
	}
	type user struct {
		AssumedRoleID string `xml:"AssumedRoleId"`
		Arn           string
	}
	type result struct {
		Credentials     vended
		AssumedRoleUser user
		SourceIdentity  string `xml:",omitempty"`
	}
	writeXML(w, http.StatusOK, struct {
		XMLName xml.Name `xml:"AssumeRoleResponse"`
		Space   string   `xml:"xmlns,attr"`
		Result  result   `xml:"AssumeRoleResult"`
	}{Space: stsNamespace, Result: result{
		Credentials:     vended{keys.AccessKeyID, keys.SecretAccessKey, keys.SessionToken, made.Expires.Format(time.RFC3339)},
		AssumedRoleUser: user{"AROASTANDIN:" + a.name, made.ARN},
		SourceIdentity:  made.SourceIdentity,
	}})
	return nil
}

func writeIdentity(w http.ResponseWriter, caller Credential) {
	type result struct {
		Arn     string
		UserID  string `xml:"UserId"`
		Account string
	}
	writeXML(w, http.StatusOK, struct {
		XMLName xml.Name `xml:"GetCallerIdentityResponse"`
		Space   string   `xml:"xmlns,attr"`
		Result  result   `xml:"GetCallerIdentityResult"`
	}{Space: stsNamespace, Result: result{caller.name(), caller.AccessKeyID, caller.account()}})
}

func writeXML(w http.ResponseWriter, status int, body any) {
	text, err := xml.Marshal(body)
	if err != nil {
		panic(err) // the bodies above are all there are
	}
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(status)
	w.Write(text)
}
