package upstream

import "testing"

func TestAddress(t *testing.T) {
	for _, c := range []struct{ override, partition, region, want string }{
		{"", "aws", "us-east-1", "https://bedrock-runtime.us-east-1.amazonaws.com"},
		{"", "aws-cn", "cn-north-1", "https://bedrock-runtime.cn-north-1.amazonaws.com.cn"},
		{"http://127.0.0.1:9/", "aws", "us-east-1", "http://127.0.0.1:9"},
		{"http://127.0.0.1:9/path", "aws", "us-east-1", ""},
		{"", "mars", "us-east-1", ""},
	} {
		if got, err := Address(c.override, c.partition, c.region); got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%+v: got %q, %v", c, got, err)
		}
	}
}
