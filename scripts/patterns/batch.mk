# The Makefile of batch.sh: what has a report is not asked for again.
TAG ?= batch
RUN := $(TAG)-$(shell date +%s-$$$$)

# One call starts what has none, two at a time. What completed becomes a file
# in a folder of this run, also if others failed: the next make asks for those.
done: parts.txt
	mkdir -p reports
	find reports -name index.json -exec jq -r '.[].name' {} + >had
	if grep -vxFf had $< >new; then \
	  jq -cR '{prompt: "echo \"read $$PART\"", env: ["PART=" + .], name: .}' new \
	    | zag spawn --each -p sh --slots 2 --tag $(TAG) --tag $(RUN) --timeout 1m >ids; \
	  wrong=$$?; \
	  zag wait -q - <ids >ended \
	    || zag retry --failed --tag $(RUN) | zag wait -q - >ended; \
	  failed=$$?; \
	  zag collect --tag $(RUN) --state completed --into reports/$(RUN) && exit $$((wrong + failed)); \
	fi
	touch $@

summary.txt: done
	cat reports/*/*.txt >$@
