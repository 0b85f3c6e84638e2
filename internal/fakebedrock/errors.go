package fakebedrock

import (
	"net/http"
	"strings"
)

// apiError is a refusal in the shape of the AWS REST-JSON protocol.
type apiError struct {
	status  int
	name    string // AWS exception name
	message string
}

func validation(message string) *apiError {
	return &apiError{status: http.StatusBadRequest, name: "ValidationException", message: message}
}

func malformed(why string) *apiError {
	return validation("Malformed input request: " + why + ", please reformat your input and try again.")
}

// writeError answers with the name where AWS's SDKs look first, the header, and
// with a body in the shape of the path's own API.
func writeError(w http.ResponseWriter, r *http.Request, e *apiError) {
	w.Header().Set("X-Amzn-Errortype", e.name)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(e.status)
	if r.URL.Path == chatPath {
		w.Write(encode(openAIError(e.name, e.message)))
		return
	}
	w.Write(encode(object{"message": e.message}))
}

// memberName turns an exception's name into its member of the stream union:
// ThrottlingException into throttlingException.
func memberName(exception string) string {
	if exception == "" {
		return ""
	}
	return strings.ToLower(exception[:1]) + exception[1:]
}
