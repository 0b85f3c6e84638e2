package fakebedrock

import (
	"crypto/sha256"
	"encoding/json"
	"math"
)

// titanBody is a body of Titan's text and embedding models.
type titanBody struct {
	InputText  string `json:"inputText"`
	Dimensions int    `json:"dimensions"`
	Config     struct {
		MaxTokens int      `json:"maxTokenCount"`
		Stops     []string `json:"stopSequences"`
	} `json:"textGenerationConfig"`
}

// titanDimensions are the lengths that Titan Text Embeddings V2 offers; V1 has
// no choice, and 1536.
var titanDimensions = map[int]bool{0: true, 256: true, 512: true, 1024: true}

func readTitan(t *tally, body []byte) *apiError {
	var b titanBody
	if err := json.Unmarshal(body, &b); err != nil {
		return malformed(err.Error())
	}
	if b.InputText == "" {
		return malformed("#: required key [inputText] not found")
	}
	if !titanDimensions[b.Dimensions] {
		return malformed("#/dimensions: is not one of 256, 512, 1024")
	}
	t.text("user", b.InputText)
	t.shape.dimensions = b.Dimensions
	t.maxTokens, t.stops = b.Config.MaxTokens, b.Config.Stops
	return nil
}

// titanReasons translates stop reasons.
var titanReasons = map[string]string{stopEnd: "FINISH", stopLength: "LENGTH", stopSequence: "STOP_CRITERIA_MET"}

func wholeTitan(a answer) any {
	return object{
		"inputTextTokenCount": a.usage.input,
		"results": []object{{
			"tokenCount":       a.usage.output,
			"outputText":       a.text(),
			"completionReason": titanReasons[a.stop],
		}},
	}
}

func eventsTitan(a answer) []event {
	var events []event
	for _, piece := range a.pieces {
		events = append(events, event{tokens: 1, payload: object{
			"index": 0, "outputText": piece, "inputTextTokenCount": a.usage.input,
			"totalOutputTextTokenCount": nil, "completionReason": nil,
		}})
	}
	return append(events, event{payload: object{
		"index": 0, "outputText": "", "inputTextTokenCount": a.usage.input,
		"totalOutputTextTokenCount": a.usage.output, "completionReason": titanReasons[a.stop],
	}})
}

// wholeEmbedding answers with a unit vector that depends on the text alone.
func wholeEmbedding(a answer) any {
	n := a.shape.dimensions
	if n == 0 {
		n = 1024
	}
	vector, length := make([]float64, n), 0.0
	for i := range vector {
		sum := sha256.Sum256([]byte{a.digest[i%64], byte(i), byte(i >> 8)})
		vector[i] = float64(int8(sum[0]))
		length += vector[i] * vector[i]
	}
	for i := range vector {
		vector[i] /= math.Sqrt(length)
	}
	return object{
		"embedding":           vector,
		"embeddingsByType":    object{"float": vector},
		"inputTextTokenCount": a.usage.input,
	}
}
