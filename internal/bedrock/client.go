package bedrock

import "strings"

// ClientFamily names the SDK or tool behind a User-Agent: langchain,
// anthropic-bedrock, openai, aws-cli, boto3, aws-sdk-go-v2, aws-sdk-js,
// aws-sdk-java, aws-sdk-rust, curl, other. It is the caller's word and decides
// nothing.
func ClientFamily(userAgent string) string {
	const enough = 512
	ua := strings.ToLower(userAgent[:min(len(userAgent), enough)])
	for _, f := range clientFamilies {
		if strings.Contains(ua, f.mark) {
			return f.family
		}
	}
	return "other"
}

// clientFamilies lists frameworks before the SDKs that carry them.
var clientFamilies = []struct{ mark, family string }{
	{"langchain", "langchain"},
	{"anthropic", "anthropic-bedrock"},
	{"openai/", "openai"},
	{"aws-cli/", "aws-cli"},
	{"boto3/", "boto3"},
	{"botocore/", "boto3"},
	{"aws-sdk-go-v2/", "aws-sdk-go-v2"},
	{"aws-sdk-js/", "aws-sdk-js"},
	{"aws-sdk-java/", "aws-sdk-java"},
	{"aws-sdk-rust/", "aws-sdk-rust"},
	{"curl/", "curl"},
}
