package fakebedrock

import (
	"encoding/json"
	"strings"
)

// blockedWord is what the stand-in's only guardrail blocks.
const blockedWord = "BLOCKME"

// replyApply applies a guardrail that blocks one word, and says so.
func (s *Server) replyApply(req Request) (reply, *apiError) {
	var b struct {
		Source  string `json:"source"`
		Content []struct {
			Text *struct {
				Text string `json:"text"`
			} `json:"text"`
			Image json.RawMessage `json:"image"`
		} `json:"content"`
	}
	if err := json.Unmarshal(req.Body, &b); err != nil {
		return reply{}, malformed(err.Error())
	}
	if len(b.Content) == 0 || b.Source != "INPUT" && b.Source != "OUTPUT" {
		return reply{}, validation("The stand-in wants content, and INPUT or OUTPUT as its source.")
	}
	units, blocked := 0, false
	for _, c := range b.Content {
		if c.Text != nil {
			units += 1 + len(c.Text.Text)/1000 // a text unit is up to 1,000 characters
			blocked = blocked || strings.Contains(c.Text.Text, blockedWord)
		}
	}
	body := object{
		"usage": object{
			"topicPolicyUnits": 0, "contentPolicyUnits": 0, "wordPolicyUnits": units,
			"sensitiveInformationPolicyUnits": 0, "sensitiveInformationPolicyFreeUnits": 0, "contextualGroundingPolicyUnits": 0,
		},
		"action": "NONE", "outputs": []object{}, "assessments": []object{},
	}
	if blocked {
		body["action"] = "GUARDRAIL_INTERVENED"
		body["outputs"] = []object{{"text": "The stand-in's guardrail blocked this. No model was asked."}}
		body["assessments"] = []object{{"wordPolicy": object{
			"customWords":      []object{{"match": blockedWord, "action": "BLOCKED"}},
			"managedWordLists": []object{},
		}}}
	}
	return reply{body: body}, nil
}
