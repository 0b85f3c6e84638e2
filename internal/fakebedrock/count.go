package fakebedrock

import "encoding/json"

// replyCount counts the input of a request as the other operations bill it.
func (s *Server) replyCount(req Request, fam *family) (reply, *apiError) {
	var b struct {
		Input struct {
			Converse    json.RawMessage `json:"converse"`
			InvokeModel *struct {
				Body []byte `json:"body"`
			} `json:"invokeModel"`
		} `json:"input"`
	}
	if err := json.Unmarshal(req.Body, &b); err != nil {
		return reply{}, malformed(err.Error())
	}
	t := newTally(req.Model)
	var refused *apiError
	switch {
	case b.Input.Converse != nil && b.Input.InvokeModel == nil:
		_, refused = parseConverse(t, b.Input.Converse)
	case b.Input.Converse == nil && b.Input.InvokeModel != nil && fam.read != nil:
		refused = fam.read(t, b.Input.InvokeModel.Body)
	default:
		refused = validation("The stand-in counts converse or, for the providers whose bodies it knows, invokeModel.")
	}
	if refused != nil {
		return reply{}, refused
	}
	return reply{body: object{"inputTokens": t.finish().input}}, nil
}
