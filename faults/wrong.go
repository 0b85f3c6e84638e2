package main

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
)

// reset ends a connection with RST instead of FIN.
func reset(c net.Conn) bool {
	_ = c.(*net.TCPConn).SetLinger(0)
	return false // serve closes it
}

// resetAtOnce resets before a byte of the answer.
func resetAtOnce(c net.Conn, _ *request) bool { return reset(c) }

// closeAtOnce ends politely before a byte of the answer.
func closeAtOnce(net.Conn, *request) bool { return false }

// says sends bytes, whatever they are, and ends the connection by end.
func says(text string, end func(net.Conn) bool) answerer {
	return func(c net.Conn, _ *request) bool {
		_, _ = io.WriteString(c, text)
		if end == nil {
			return false
		}
		time.Sleep(20 * time.Millisecond) // so that the bytes are read before the end is
		return end(c)
	}
}

// awsError answers with an error of AWS's.
func awsError(status int, name string) answerer {
	return func(c net.Conn, _ *request) bool {
		body := `{"message":"the stand-in was told to"}`
		_, err := fmt.Fprintf(c, "HTTP/1.1 %d Told\r\nContent-Type: application/json\r\nX-Amzn-Errortype: %s\r\nX-Amzn-Requestid: 1\r\nContent-Length: %d\r\n\r\n%s",
			status, name, len(body), body)
		return err == nil
	}
}

// hang says nothing until the caller leaves.
func hang(_ net.Conn, r *request) bool {
	_, _ = r.in.ReadByte()
	return false
}

// claims sends a whole answer under a Content-Length that is off by some bytes.
func claims(off int) answerer {
	return func(c net.Conn, _ *request) bool {
		_, _ = fmt.Fprintf(c, "%sContent-Length: %d\r\n\r\n%s", wholeHead, len(wholeBody)+off, wholeBody)
		return false
	}
}

// pushes answers well and sends a second answer that nobody asked for after
// it, on the same connection: whoever is next on it must not get it.
func pushes(c net.Conn, _ *request) bool {
	answer := fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", wholeHead, len(wholeBody), wholeBody)
	stray := fmt.Sprintf("%sContent-Length: 7\r\n\r\n{\"a\":1}", wholeHead)
	_, err := io.WriteString(c, answer+stray)
	return err == nil
}

// gzipped compresses an answer that nobody asked to be compressed.
func gzipped(c net.Conn, _ *request) bool {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = io.WriteString(z, wholeBody) // into memory
	_ = z.Close()
	_, err := fmt.Fprintf(c, "%sContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", wholeHead, b.Len(), b.Bytes())
	return err == nil
}

// page answers 200 with what a captive portal says.
func page(c net.Conn, _ *request) bool {
	body := "<html><body>Please log in to the network.</body></html>"
	_, err := fmt.Fprintf(c, "%sContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%s", answerHead, len(body), body)
	return err == nil
}

// streamFault is what strikes a stream behind its first n frames.
type streamFault func(c net.Conn, r *request, n int) bool

// over has a fault strike each stream behind another number of frames, in turn.
func (f streamFault) over(at []int) answerer {
	var turn atomic.Int64
	return func(c net.Conn, r *request) bool {
		if !r.streams {
			return well(c, r)
		}
		n := at[int(turn.Add(1)-1)%len(at)]
		return streamUpTo(c, n) && f(c, r, n)
	}
}

func ends(c net.Conn, _ *request, _ int) bool { return false }

func endsByReset(c net.Conn, _ *request, _ int) bool {
	time.Sleep(5 * time.Millisecond) // so that the frames are read before the reset is
	return reset(c)
}

// endsPolitely ends the body as a whole one ends, but too early.
func endsPolitely(c net.Conn, _ *request, _ int) bool {
	_, err := io.WriteString(c, "0\r\n\r\n")
	return err == nil
}

// corrupts sends the next frame with a changed byte, then the rest.
func corrupts(c net.Conn, _ *request, n int) bool {
	bad := bytes.Clone(frames()[n])
	bad[len(bad)-6] ^= 0x20 // in the payload: the checksum behind it is now wrong
	_, _ = c.Write(chunk(bad))
	for _, f := range frames()[n+1:] {
		_, _ = c.Write(chunk(f))
	}
	_, err := io.WriteString(c, "0\r\n\r\n")
	return err == nil
}

func stalls(_ net.Conn, r *request, _ int) bool {
	_, _ = r.in.ReadByte()
	return false
}

// rambles sends text where a frame should begin.
func rambles(c net.Conn, _ *request, _ int) bool {
	_, _ = c.Write(chunk([]byte("<html><body>502 Bad Gateway</body></html>")))
	_, err := io.WriteString(c, "0\r\n\r\n")
	return err == nil
}

// throwsError sends an error that the service's model does not know.
func throwsError(c net.Conn, _ *request, _ int) bool {
	var m eventstream.Message
	m.Headers.Set(":message-type", eventstream.StringValue("error"))
	m.Headers.Set(":error-code", eventstream.StringValue("InternalFailure"))
	m.Headers.Set(":error-message", eventstream.StringValue("the stand-in was told to"))
	_, _ = c.Write(chunk(encoded(m)))
	_, err := io.WriteString(c, "0\r\n\r\n")
	return err == nil
}

func throwsException(c net.Conn, _ *request, _ int) bool {
	_, _ = c.Write(chunk(frame(":exception-type", "modelStreamErrorException", "exception", `{"message":"the stand-in was told to"}`)))
	_, err := io.WriteString(c, "0\r\n\r\n")
	return err == nil
}

// announces sends a prelude, with a right checksum, of a frame far beyond any
// bound, then bytes of it for as long as anybody reads.
func announces(c net.Conn, _ *request, _ int) bool {
	head := binary.BigEndian.AppendUint32(nil, 1<<31-1)
	head = binary.BigEndian.AppendUint32(head, 0)
	head = binary.BigEndian.AppendUint32(head, crc32.ChecksumIEEE(head))
	_, err := c.Write(chunk(head))
	filler := chunk(make([]byte, 64<<10))
	for i := 0; err == nil && i < 4096; i++ {
		_, err = c.Write(filler)
	}
	return false
}
