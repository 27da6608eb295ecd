# Rscript tests/lavaan/language.R [folder], from the project's root: reads language.txt in the folder
# (tests/lavaan), texts of models between lines "----", and writes language.csv beside it: what
# lavaan 0.6-14 reads in them, the reference of tests/test_model_text.py.
#
# - drawn: each path and (co)variance with what it is fixed at and its label, as they are written.
# - added: covariances of errors that sem() adds.
# - defined: each := with its value, if the k-th label of the text (as they are first named) has
#   the value 0.3 + 0.2 k.
suppressMessages(library(lavaan))
folder <- c(commandArgs(trailingOnly = TRUE), "tests/lavaan")[1]
lines <- readLines(file.path(folder, "language.txt"))
texts <- lapply(split(lines, cumsum(lines == "----")), function(text) text[text != "----"])

read <- function(number) {
  text <- paste0(paste(texts[[number]], collapse = "\n"), "\n")
  said <- lavParseModelString(text, as.data.frame. = TRUE, warn = FALSE)
  defined <- Filter(function(each) each$op == ":=", attr(lavParseModelString(text), "constraints"))
  drawn <- said[said$op %in% c("~", "~~"), ]
  for (column in c("fixed", "label")) if (is.null(drawn[[column]])) drawn[[column]] <- ""
  rows <- with(drawn, data.frame(kind = "drawn", left = lhs, sign = op, right = rhs, fixed, label))

  inner <- unique(drawn$lhs[drawn$op == "~"])
  table <- lavaanify(text, auto = TRUE, fixed.x = FALSE, warn = FALSE)
  key <- paste(table$lhs, table$op, table$rhs)
  new <- table$op == "~~" & table$lhs != table$rhs & table$lhs %in% inner & table$rhs %in% inner
  new <- new & !key %in% c(paste(drawn$lhs, "~~", drawn$rhs), paste(drawn$rhs, "~~", drawn$lhs))
  if (any(new)) {
    rows <- rbind(rows, data.frame(kind = "added", left = table$lhs[new], sign = "~~",
                                   right = table$rhs[new], fixed = "", label = ""))
  }

  labels <- unique(drawn$label[drawn$label != ""])
  values <- as.list(setNames(0.3 + 0.2 * seq_along(labels), labels))
  for (each in defined) {
    values[[each$lhs]] <- eval(parse(text = each$rhs), values)
    rows <- rbind(rows, data.frame(kind = "defined", left = each$lhs, sign = ":=", right = "",
                                   fixed = format(values[[each$lhs]], digits = 17), label = ""))
  }
  cbind(text = number, rows)
}
found <- do.call(rbind, lapply(seq_along(texts), read))
write.csv(found, file.path(folder, "language.csv"), row.names = FALSE, quote = FALSE)
