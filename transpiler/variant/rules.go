package variant

import "github.com/kindling-boot/kindling/config/diag"

// Rules lists the rules of the variants.
func Rules() []*diag.Rule {
	return []*diag.Rule{
		ruleReservedLabel, ruleAbsentNextToNew, ruleRootSmall, ruleRootConstrained, ruleReuseByLabel,
		ruleMountPoint, ruleNoClevis, ruleNoCex, ruleInstalledDisks, ruleInstalledKernelArguments,
		ruleMetadataName, ruleMetadataRole, ruleKernelType, ruleCexKernelArgument, ruleRawIgnored,
		ruleMCONode, ruleMCOGroup, ruleMCOUserField, ruleMCOAppend, ruleMCOHeaders, ruleMCOCompression,
		ruleMCOKernelArguments, ruleOnlyCore, ruleFileSource, ruleFormat, ruleModeBits,
	}
}
