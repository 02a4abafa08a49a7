# The Makefile of batch.sh: what is there already is not asked for again.
TAG ?= batch

# One call starts them all, two at a time, and each becomes a file.
reports: parts.txt
	sed 's/.*/{"prompt":"echo read $$PART","env":["PART=&"],"name":"&"}/' $< \
	  | zag spawn --each -p sh --slots 2 --tag $(TAG) --timeout 1m >ids
	zag wait -q - <ids >ended || zag retry --failed --tag $(TAG) | zag wait -
	zag collect --tag $(TAG) --state completed --into $@

summary.txt: reports
	cat reports/*.txt >$@
