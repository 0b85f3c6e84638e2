package proof

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Caller is an identity as STS would name it.
type Caller struct {
	Account string
	ARN     string
	UserID  string
}

// NewCaller names an identity's session as STS names an assumed role's. The
// user id's first half depends on account and identity alone, as a role's id does.
func NewCaller(partition, account, identity, sessionName string) Caller {
	sum := sha256.Sum256([]byte(account + "/" + identity))
	role := "AROA" + base32.StdEncoding.EncodeToString(sum[:])[:17]
	return Caller{
		Account: account,
		ARN:     fmt.Sprintf("arn:%s:sts::%s:assumed-role/%s/%s", partition, account, identity, sessionName),
		UserID:  role + ":" + sessionName,
	}
}

type metadata struct {
	RequestID string `xml:"RequestId"`
}

type webIdentityResponse struct {
	XMLName xml.Name          `xml:"https://sts.amazonaws.com/doc/2011-06-15/ AssumeRoleWithWebIdentityResponse"`
	Result  webIdentityResult `xml:"AssumeRoleWithWebIdentityResult"`
	Meta    metadata          `xml:"ResponseMetadata"`
}

type webIdentityResult struct {
	AccessKeyID  string `xml:"Credentials>AccessKeyId"`
	Secret       string `xml:"Credentials>SecretAccessKey"`
	SessionToken string `xml:"Credentials>SessionToken"`
	Expiration   string `xml:"Credentials>Expiration"`
	RoleID       string `xml:"AssumedRoleUser>AssumedRoleId"`
	RoleARN      string `xml:"AssumedRoleUser>Arn"`
	Subject      string `xml:"SubjectFromWebIdentityToken"`
	Audience     string `xml:"Audience"`
	Provider     string `xml:"Provider"`
}

type callerResponse struct {
	XMLName xml.Name     `xml:"https://sts.amazonaws.com/doc/2011-06-15/ GetCallerIdentityResponse"`
	Result  callerResult `xml:"GetCallerIdentityResult"`
	Meta    metadata     `xml:"ResponseMetadata"`
}

type callerResult struct {
	ARN     string `xml:"Arn"`
	UserID  string `xml:"UserId"`
	Account string `xml:"Account"`
}

type errorResponse struct {
	XMLName   xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ ErrorResponse"`
	Type      string   `xml:"Error>Type"`
	Code      string   `xml:"Error>Code"`
	Message   string   `xml:"Error>Message"`
	RequestID string   `xml:"RequestId"`
}

// WriteWebIdentity answers AssumeRoleWithWebIdentity. It is the one place
// where credentials leave this package's types.
func WriteWebIdentity(w http.ResponseWriter, m Minted, requestID string, now time.Time) error {
	role, err := ParseRole(m.RoleARN)
	if err != nil {
		return fmt.Errorf("answering AssumeRoleWithWebIdentity: %w", err)
	}
	who := NewCaller(role.Partition, role.Account, m.Session.Identity, m.SessionName)
	return write(w, http.StatusOK, requestID, now, webIdentityResponse{
		Result: webIdentityResult{
			AccessKeyID:  m.Credentials.AccessKeyID,
			Secret:       m.Credentials.SecretAccessKey,
			SessionToken: m.Credentials.SessionToken,
			Expiration:   m.Credentials.Expires.UTC().Format(time.RFC3339),
			RoleID:       who.UserID,
			RoleARN:      who.ARN,
			Subject:      m.Session.Subject,
			Audience:     m.Audience,
			Provider:     m.Session.Issuer,
		},
		Meta: metadata{RequestID: requestID},
	})
}

// WriteCallerIdentity answers GetCallerIdentity.
func WriteCallerIdentity(w http.ResponseWriter, c Caller, requestID string, now time.Time) error {
	return write(w, http.StatusOK, requestID, now, callerResponse{
		Result: callerResult{ARN: c.ARN, UserID: c.UserID, Account: c.Account},
		Meta:   metadata{RequestID: requestID},
	})
}

// WriteError answers any call with an error: a *Refusal with its answer,
// anything else with an internal failure that says nothing.
func WriteError(w http.ResponseWriter, err error, requestID string, now time.Time) error {
	a := internal
	var r *Refusal
	if errors.As(err, &r) {
		a = r.Answer()
	}
	blame := "Sender"
	if a.Status >= http.StatusInternalServerError {
		blame = "Receiver"
	}
	return write(w, a.Status, requestID, now, errorResponse{Type: blame, Code: a.Code, Message: a.Message, RequestID: requestID})
}

// write sends one document. SDKs correct their clock by Date, so it is always
// sent; no answer is for a cache.
func write(w http.ResponseWriter, status int, requestID string, now time.Time, doc any) error {
	body, err := xml.Marshal(doc)
	if err != nil {
		return fmt.Errorf("encoding STS answer: %w", err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/xml")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Date", now.UTC().Format(http.TimeFormat))
	h.Set("X-Amzn-Requestid", requestID)
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if _, err := w.Write(body); err != nil {
		return fmt.Errorf("sending STS answer: %w", err)
	}
	return nil
}
