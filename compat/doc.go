// Package compat drives Writ with real clients: the AWS SDKs for Go, for
// JavaScript and for Python (boto3), unmodified, told where to call by AWS's
// own environment variables and nothing else.
//
// The clients live in the directories go, js and python, each with its own
// dependencies, so that none of those reach the product. They print one JSON
// line per call; the tests here run them over a table of scenarios, against
// every Target there is. A target is an endpoint with what a caller needs to
// reach it; the stand-in for Bedrock is one, a whole gateway another.
package compat
