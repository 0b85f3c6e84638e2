package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const nginxMissing = "nginx is not installed here: after `apt-get install nginx-light` it has rows of its own."

// nginxConfig is nginx as one would tune it for this job: one worker, kept-alive
// connections on both sides, no access log, request bodies in memory, streams
// passed on unbuffered. HTTP/2 without TLS has a port of its own, because this
// version cannot tell the two apart on one.
const nginxConfig = `daemon off;
worker_processes 1;
worker_rlimit_nofile 16384;
pid {{dir}}/pid;
error_log {{dir}}/error.log crit;
{{user}}
events { worker_connections 8192; }
http {
  access_log off;
  client_body_temp_path {{dir}}/body;
  proxy_temp_path {{dir}}/proxy;
  fastcgi_temp_path {{dir}}/fastcgi;
  scgi_temp_path {{dir}}/scgi;
  uwsgi_temp_path {{dir}}/uwsgi;
  client_max_body_size 32m;
  client_body_buffer_size 32m;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  http2_max_concurrent_streams 256;
  upstream stand_in {
    server {{upstream}};
    keepalive 1024;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
  }
  server {
    listen {{listen}} backlog=4096;
    listen {{h2}} http2 backlog=4096;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $http_host;
    location / { proxy_pass http://stand_in; }
    location ~ stream$ {
      proxy_buffering off;
      proxy_pass http://stand_in;
    }
  }
}
`

// findNginx finds the program, also where a user's path does not lead.
func findNginx() string {
	for _, name := range []string{"nginx", "/usr/sbin/nginx", "/usr/local/sbin/nginx"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// startNginx starts nginx in a directory of its own. The process that counts is
// its worker.
func startNginx(program, dir, upstream string, wrap []string) (*process, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	listen, err := freeAddress()
	if err != nil {
		return nil, err
	}
	h2, err := freeAddress()
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(path, []byte(configureNginx(dir, upstream, listen, h2)), 0o600); err != nil {
		return nil, err
	}
	p := &process{name: nginxName, addr: listen, h2: h2}
	argv := append(wrap, program, "-p", dir, "-c", path, "-e", filepath.Join(dir, "error.log"))
	p.cmd = exec.Command(argv[0], argv[1:]...)
	p.cmd.Stderr = &p.stderr
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting nginx: %w", err)
	}
	if p.pid, err = nginxWorker(p.cmd.Process.Pid, listen); err != nil {
		_ = p.stop()
		return nil, fmt.Errorf("starting nginx: %w\n%s", err, p.stderr.Bytes())
	}
	return p, nil
}

func configureNginx(dir, upstream, listen, h2 string) string {
	as := ""
	if u, err := user.Current(); err == nil && u.Uid == "0" {
		as = "user " + u.Username + ";" // else the worker becomes somebody who may not enter dir
	}
	return strings.NewReplacer("{{dir}}", dir, "{{user}}", as, "{{upstream}}", upstream, "{{listen}}", listen, "{{h2}}", h2).Replace(nginxConfig)
}

// freeAddress is a port that nobody has, at least not now.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// nginxWorker waits until nginx serves, and finds the one worker of its master.
func nginxWorker(master int, addr string) (pid int, err error) {
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		var c net.Conn
		if c, err = net.DialTimeout("tcp", addr, time.Second); err != nil {
			continue
		}
		_ = c.Close()
		var text []byte
		if text, err = os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", master, master)); err != nil {
			return 0, err
		}
		if pid, err = strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
			return pid, nil
		}
	}
	return 0, err
}
