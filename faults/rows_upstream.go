package main

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"time"
)

const (
	unavailable = "ServiceUnavailableException"
	withheld    = "AccessDeniedException" // an answer that cannot be read is not let out
	throttled   = "ThrottlingException"
	internal    = "InternalServerException"
)

// upstreamRows are what Bedrock, or what stands before it, can do wrong. They
// share one installation: none of it may need a restart.
func upstreamRows() []row {
	const group = "upstream"
	rows := []row{{
		group: group, name: "connection refused", how: "listener closed, port kept", ends: []string{unavailable}, run: refusedConnections,
	}}
	for _, r := range []struct {
		name, how string
		ends      []string
		fault     answerer
	}{
		{"reset before headers", "RST once the request is in", []string{unavailable}, resetAtOnce},
		{"closed before headers", "FIN once the request is in", []string{unavailable}, closeAtOnce},
		{"reset in the middle of headers", "half a header, then RST", []string{unavailable}, says("HTTP/1.1 200 OK\r\nContent-Ty", reset)},
		{"garbage for a status line", "`ICY 200 OK`", []string{unavailable}, says("ICY 200 OK\r\n\r\n{}", nil)},
		{"no HTTP at all", "an SSH banner", []string{unavailable}, says("SSH-2.0-OpenSSH_9.2\r\n", nil)},
		{"headers without end", "2 MB of header lines", []string{unavailable}, endlessHeaders},
		{"429", "AWS's shape, ThrottlingException", []string{throttled}, awsError(429, throttled)},
		{"500", "AWS's shape, InternalServerException", []string{internal}, awsError(500, internal)},
		{"503", "AWS's shape, ServiceUnavailableException", []string{unavailable}, awsError(503, unavailable)},
		{"403 for Writ's own credentials", "AWS's shape, UnrecognizedClientException", []string{unavailable}, awsError(403, "UnrecognizedClientException")},
		{"redirect", "307 to another host, connection closed unannounced", []string{"", unavailable}, says("HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n", nil)},
		{"body cut short", "Content-Length 60 more than the body", []string{unavailable, "broke off"}, claims(60)},
		{"body longer than announced", "Content-Length 60 less than the body", []string{"broke off", unavailable, withheld}, claims(-60)},
		{"a second answer nobody asked for", "two answers to one request on a kept connection", []string{"200", unavailable}, pushes},
		{"gzip nobody asked for", "Content-Encoding: gzip on a good answer", []string{unavailable}, gzipped},
		{"200 without JSON", "a captive portal's page", []string{"broke off", unavailable, withheld}, page},
	} {
		rows = append(rows, row{group: group, name: r.name, how: r.how, ends: r.ends, run: wrongAnswers(r.fault)})
	}
	return append(rows, streamRows()...)
}

// streamRows strike streams: most of them behind every frame there is.
func streamRows() []row {
	const group = "upstream, mid-stream"
	var rows []row
	for _, r := range []struct {
		name, how string
		ends      []string
		fault     streamFault
		patient   time.Duration // how long a client waits; zero: 20 seconds
	}{
		{"wrong checksum at every frame", "one byte of frame n changed, n = 1 … 54", []string{"broke off"}, corrupts, 0},
		{"reset at every frame", "RST behind n frames, n = 0 … 53", []string{"broke off", unavailable}, endsByReset, 0},
		{"connection closed at every frame", "FIN behind n frames, n = 0 … 53", []string{"broke off"}, ends, 0},
		{"stream ended politely at every frame", "last chunk behind n frames, n = 0 … 53", []string{"broke off", "200"}, endsPolitely, 0},
		{"exception frame at every frame", "modelStreamErrorException behind n frames, n = 0 … 53", []string{"broke off"}, throwsException, 0},
		{"error frame at every frame", "an error unknown to the model, behind n frames, n = 0 … 53", []string{"broke off"}, throwsError, 0},
		{"garbage at every frame", "HTML behind n frames, n = 0 … 53", []string{"broke off"}, rambles, 0},
		{"a frame of 2 GiB announced at every frame", "prelude with a right checksum, then filler, behind n frames, n = 0 … 53", []string{"broke off"}, announces, 0},
		{"stall at every frame", "silence behind n frames, n = 0 … 53; the client gives up after a second", []string{"broke off", "no answer"}, stalls, time.Second},
	} {
		rows = append(rows, row{group: group, name: r.name, how: r.how, ends: r.ends, run: everyFrame(r.fault, cmp.Or(r.patient, 20*time.Second))})
	}
	return append(rows,
		row{group: group, name: "no answer at all", how: "silence; the client gives up after 700 ms", ends: []string{"no answer"}, run: hungCalls},
	)
}

// endlessHeaders sends header lines until nobody reads them.
func endlessHeaders(c net.Conn, _ *request) bool {
	line := fmt.Sprintf("X-Filler: %0990d\r\n", 0)
	_, err := c.Write([]byte(answerHead))
	for i := 0; err == nil && i < 2000; i++ {
		_, err = c.Write([]byte(line))
	}
	return false
}

// few is a load that meets every kind of call.
func (t *trial) few(streams bool) load {
	return load{workers: 6, calls: 48, streams: streams, patient: 20 * time.Second}
}

func refusedConnections(ctx context.Context, t *trial) error {
	if err := t.shared(ctx); err != nil {
		return err
	}
	up := t.site.upstream
	up.hangUp()
	bad := t.during(ctx, t.few(true))
	if err := up.listen(up.addr); err != nil {
		return err
	}
	if bad != nil {
		return bad
	}
	return t.heals(ctx)
}

// wrongAnswers has every call answered in one wrong way.
func wrongAnswers(fault answerer) func(context.Context, *trial) error {
	return func(ctx context.Context, t *trial) error {
		if err := t.shared(ctx); err != nil {
			return err
		}
		t.site.upstream.set(fault)
		bad := t.during(ctx, t.few(false))
		t.site.upstream.set(well)
		if bad != nil {
			return bad
		}
		return t.heals(ctx)
	}
}

// everyFrame strikes a stream behind each number of frames there is, then
// streams among answers that are whole.
func everyFrame(fault streamFault, patient time.Duration) func(context.Context, *trial) error {
	all := make([]int, streamFrames)
	for n := range all {
		all[n] = n
	}
	return func(ctx context.Context, t *trial) error {
		if err := t.shared(ctx); err != nil {
			return err
		}
		defer t.site.upstream.set(well)
		t.site.upstream.set(fault.over(all))
		if err := t.during(ctx, load{workers: 18, calls: len(all), only: true, patient: patient}); err != nil {
			return err
		}
		t.site.upstream.set(fault.over(all[streamFrames/2:]))
		mixed := t.few(true)
		mixed.patient = patient
		t.call(ctx, mixed)
		t.site.upstream.set(well)
		return t.heals(ctx)
	}
}

func hungCalls(ctx context.Context, t *trial) error {
	if err := t.shared(ctx); err != nil {
		return err
	}
	t.site.upstream.set(hang)
	bad := t.during(ctx, load{workers: 6, calls: 24, streams: true, patient: 700 * time.Millisecond})
	t.site.upstream.set(well)
	if bad != nil {
		return bad
	}
	return t.heals(ctx)
}
