// Package compat drives Writ with real clients, unmodified: the AWS SDKs for
// Go, for JavaScript and for Python (boto3), the AWS CLI, curl, and what is
// built on Bedrock by others. They are told where to call by environment
// variables, or by an option of their constructor where there is none.
//
// Most are programs in the directories go, js and python, each with its own
// dependencies, so that none of those reach the product. They print one JSON
// line per call; the tests here run them over a table of scenarios, against
// every Target there is. What is itself a command is run by the tests. A target
// is an endpoint with what a caller needs to reach it; the stand-in for Bedrock
// is one, a whole gateway another.
package compat
