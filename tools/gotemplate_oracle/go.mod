module trialmill/gotemplate_oracle

go 1.24
