package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
)

const (
	standInRole  = "serve-stand-in"
	streamFrames = 54
	answerText   = "The parcel left the depot this morning and will be with the customer before noon. "
)

// serveStandIn is the upstream of the measurements: two fixed answers over raw
// connections, because a complete stand-in would cost more than the proxies
// that are measured against it.
func serveStandIn() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("ready gateway=http://%s\n", l.Addr())
	return acceptStandIn(l)
}

// acceptStandIn answers on l until it is closed.
func acceptStandIn(l net.Listener) error {
	whole, frames, err := fixedAnswers()
	if err != nil {
		return err
	}
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer c.Close()
			answerAll(c, whole, frames)
		}()
	}
}

// answerAll serves one connection until the client leaves it. The frames of a
// stream are written one by one, as a model's are.
func answerAll(c net.Conn, whole []byte, frames [][]byte) {
	in := bufio.NewReaderSize(c, 16<<10)
	for {
		asked, err := skipRequest(in)
		if err != nil {
			return
		}
		out := [][]byte{whole}
		if asked.streams {
			out = frames
		}
		for i, b := range out {
			if asked.pace > 0 {
				if i > 0 {
					time.Sleep(asked.pace)
				}
				b = stamped(b)
			}
			if _, err := c.Write(b); err != nil {
				return
			}
		}
	}
}

// asked is what a request wants of the stand-in.
type asked struct {
	streams bool
	pace    time.Duration // between frames, which then carry their time
}

// skipRequest reads one request.
func skipRequest(in *bufio.Reader) (a asked, err error) {
	head, err := in.ReadSlice('\n')
	if err != nil {
		return a, err
	}
	a.streams = bytes.Contains(head, []byte("/converse-stream"))
	h, err := readHeader(in)
	if err != nil {
		return a, err
	}
	if a.streams {
		begin, err := in.Peek(int(min(h.length, 256)))
		if err != nil {
			return a, err
		}
		a.pace = paceIn(begin)
	}
	_, err = in.Discard(int(h.length))
	return a, err
}

// fixedAnswers are a Converse answer of about 0.7 KB, and the pieces in which
// a stream of 54 frames is written: head and first frame, frames, last and end.
func fixedAnswers() (whole []byte, frames [][]byte, err error) {
	body, err := json.Marshal(map[string]any{
		"metrics":    map[string]any{"latencyMs": 0},
		"output":     map[string]any{"message": map[string]any{"role": "assistant", "content": []any{map[string]any{"text": strings.Repeat(answerText, 6)}}}},
		"stopReason": "end_turn",
		"usage":      map[string]any{"inputTokens": 220, "outputTokens": 96, "totalTokens": 316},
	})
	if err != nil {
		return nil, nil, err
	}
	const head = "HTTP/1.1 200 OK\r\nServer: bench (stand-in for Amazon Bedrock)\r\nX-Amzn-Requestid: 7e1c0b7e-0000-4000-8000-000000000000\r\n"
	whole = append([]byte(head+"Content-Type: application/json\r\nContent-Length: "+strconv.Itoa(len(body))+"\r\n\r\n"), body...)
	events, err := streamEvents()
	if err != nil {
		return nil, nil, err
	}
	for i, e := range events {
		piece := fmt.Appendf(nil, "%x\r\n%s\r\n", len(e), e)
		if i == 0 {
			piece = append([]byte(head+"Content-Type: application/vnd.amazon.eventstream\r\nTransfer-Encoding: chunked\r\n\r\n"), piece...)
		}
		if i == len(events)-1 {
			piece = append(piece, "0\r\n\r\n"...)
		}
		frames = append(frames, piece)
	}
	return whole, frames, nil
}

// streamEvents are the frames of a ConverseStream answer, about 8 KB together.
func streamEvents() ([][]byte, error) {
	var out [][]byte
	add := func(name, payload string) error {
		var m eventstream.Message
		m.Headers.Set(":event-type", eventstream.StringValue(name))
		m.Headers.Set(":content-type", eventstream.StringValue("application/json"))
		m.Headers.Set(":message-type", eventstream.StringValue("event"))
		m.Payload = []byte(payload)
		var b bytes.Buffer
		err := eventstream.NewEncoder().Encode(&b, m)
		out = append(out, b.Bytes())
		return err
	}
	if err := add("messageStart", `{"role":"assistant"}`); err != nil {
		return nil, err
	}
	for i := range streamFrames - 4 {
		word := strings.Fields(answerText)[i%14]
		if err := add("contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":"`+word+` "},"p":"`+noStamp+`"}`); err != nil {
			return nil, err
		}
	}
	for _, e := range [][2]string{
		{"contentBlockStop", `{"contentBlockIndex":0}`},
		{"messageStop", `{"stopReason":"end_turn"}`},
		{"metadata", `{"metrics":{"latencyMs":0},"usage":{"inputTokens":220,"outputTokens":96,"totalTokens":316}}`},
	} {
		if err := add(e[0], e[1]); err != nil {
			return nil, err
		}
	}
	return out, nil
}
