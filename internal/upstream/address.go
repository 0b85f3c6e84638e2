package upstream

import "fmt"

// Address is the origin that calls of a region go to.
func Address(override, partition, region string) (string, error) {
	if override != "" {
		u, err := origin("upstream endpoint", override)
		if err != nil {
			return "", err
		}
		return u.Scheme + "://" + u.Host, nil
	}
	suffix, ok := suffixes[partition]
	if !ok {
		return "", fmt.Errorf("partition %q has no known Bedrock endpoint", partition)
	}
	return "https://bedrock-runtime." + region + "." + suffix, nil
}
