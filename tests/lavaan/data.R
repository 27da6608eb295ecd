# Rscript tests/lavaan/data.R, from the project's root: writes tests/lavaan/data/*.csv and
# cases.csv, which reference.R reads. Simulated data, and two sets that come with lavaan (the
# columns in use).
# study.csv is the embedded study with the columns of data/models/*.lav; in Python:
#   sites = load_study().sites; sites = sites.join(sample_top(sites))
#   models = [read_model(file) for file in sorted(MODELS.glob("*.lav"))]
#   names = dict.fromkeys(name for model in models for name in model.variables)
#   sites[list(names)].to_csv("tests/lavaan/data/study.csv", index=False, float_format="%.8g")
# blau_duncan.csv is the matrix of correlations of Blau and Duncan (1967, p. 169), N = 20700.
# As in lavaan, ";" in a model ends a line.
set.seed(1967)
structures <- list(
  chain = "b ~ a; c ~ b; d ~ c",
  backwards = "c ~ d; b ~ c; a ~ b",
  fork = "b ~ a; c ~ a; d ~ a",
  collider = "d ~ a + b + c",
  diamond = "c ~ a + b; d ~ c",
  saturated = "c ~ a + b; d ~ a + b + c",
  crossed = "a ~ d + c; b ~ a",
  errors = "c ~ a; d ~ b; c ~~ d",
  drawn = "c ~ a + b; d ~ b + c; a ~~ b",
  loop = "c ~ a + d; d ~ b + c",
  five = "b ~ a; c ~ a + b; d ~ a; e ~ b + c + d",
  instruments = "c ~ a + d; d ~ b + c; c ~~ d; e ~ c + d",
  dense6 = "b ~ a; c ~ a + b; d ~ b + c; e ~ a + c + d; f ~ a + b + d + e",
  dense7 = "c ~ a + b; d ~ a + b + c; e ~ b + c + d; f ~ a + c + e; g ~ a + b + d + e + f",
  missing7 = "c ~ a; d ~ c; e ~ d + b; f ~ e; g ~ f + a; d ~~ e",
  dense9 = paste(
    "d ~ a + b + c; e ~ a + b + c + d; f ~ a + c + d + e; g ~ b + d + e + f;",
    "h ~ a + c + d + f + g; i ~ a + b + c + e + f + g + h"
  )
)
four <- c("chain", "diamond", "saturated")
simulated <- list( # name, n, truth, shape, unit of the columns, structures that are fitted
  list("tiny", 12, "chain", "normal", "one", c("chain", "fork", "backwards")),
  list("few", 13, "collider", "normal", "wild", c("collider", "diamond")),
  list("fifteen", 15, "diamond", "skewed", "scaled", four),
  list("twenty", 20, "fork", "normal", "wild", c("fork", "crossed")),
  list("chain30", 30, "chain", "normal", "scaled", c(four, "crossed")),
  list("fork30", 30, "fork", "skewed", "one", c("fork", "errors", "saturated")),
  list("collider30", 30, "collider", "skewed", "wild", c("collider", "chain", "errors")),
  list("errors30", 30, "errors", "normal", "one", c("errors", "drawn")),
  list("errors60", 60, "errors", "skewed", "wild", c("errors", "saturated")),
  list("drawn44", 44, "drawn", "normal", "scaled", c("drawn", "backwards")),
  list("drawn100", 100, "drawn", "skewed", "wild", c("drawn", "fork")),
  list("crossed40", 40, "crossed", "normal", "wild", c("crossed", "collider")),
  list("loop100", 100, "loop", "normal", "wild", c("loop", "diamond")),
  list("loop200", 200, "loop", "skewed", "one", "loop"),
  list("five25", 25, "five", "normal", "wild", "five"),
  list("five50", 50, "five", "skewed", "scaled", "five"),
  list("instruments150", 150, "instruments", "normal", "wild", c("instruments", "five")),
  list("dense30", 30, "dense6", "normal", "wild", c("dense6", "instruments")),
  list("dense80", 80, "dense6", "skewed", "one", c("dense6", "five")),
  list("seven30", 30, "dense7", "normal", "scaled", c("dense7", "missing7")),
  list("seven120", 120, "missing7", "skewed", "wild", c("dense7", "missing7")),
  list("nine40", 40, "dense9", "normal", "wild", c("dense9", "dense7")),
  list("nine150", 150, "dense9", "skewed", "one", "dense9")
)
draw <- function(n, truth, shape, unit) {
  arrows <- lavaan::lavParseModelString(truth, as.data.frame. = TRUE)
  names <- sort(unique(c(arrows$lhs, arrows$rhs)))
  p <- length(names)
  noise <- if (shape == "normal") rnorm(n * p) else rexp(n * p)^1.3
  e <- matrix(noise, n, p, dimnames = list(NULL, names))
  for (row in which(arrows$op == "~~")) {
    e[, arrows$lhs[row]] <- e[, arrows$lhs[row]] + 0.6 * e[, arrows$rhs[row]]
  }
  B <- matrix(0, p, p, dimnames = list(names, names))
  causal <- arrows$op == "~"
  B[cbind(arrows$lhs, arrows$rhs)[causal, ]] <-
    runif(sum(causal), 0.2, 0.7) * sample(c(-1, 1, 1), sum(causal), TRUE)
  x <- e %*% t(solve(diag(p) - B))
  if (unit == "wild") x <- x %*% diag(10^sample(rep(-3:3, length.out = p)))
  if (unit == "scaled") x <- apply(x, 2, function(v) (v - min(v)) / diff(range(v)))
  colnames(x) <- names
  signif(as.data.frame(x), 6)
}
save <- function(table, name) {
  write.csv(table, sprintf("tests/lavaan/data/%s.csv", name), row.names = FALSE, quote = FALSE)
}
cases <- list()
add <- function(data, structure, model, n) {
  cases[[length(cases) + 1]] <<- data.frame(data, structure, model, n)
}
for (set in simulated) {
  names(set) <- c("name", "n", "truth", "shape", "unit", "fitted")
  save(draw(set$n, structures[[set$truth]], set$shape, set$unit), set$name)
  for (structure in set$fitted) add(set$name, structure, structures[[structure]], set$n)
}
democracy <- c("x1", "x2", "y1", "y2", "y5", "y6")
save(lavaan::PoliticalDemocracy[democracy], "democracy")
add("democracy", "panel", "y1 ~ x1; y2 ~ x1; y5 ~ x1 + y1; y6 ~ x1 + y2; y1 ~~ y2; y5 ~~ y6", 75)
add("democracy", "industry", "y1 ~ x1 + x2; y2 ~ y1; y5 ~ y1 + x1; y6 ~ y5 + y2", 75)
save(lavaan::HolzingerSwineford1939[c("ageyr", "x1", "x4", "x5", "x7", "x9")], "holzinger")
add("holzinger", "abilities", "x1 ~ ageyr; x4 ~ ageyr + x1; x7 ~ x4; x9 ~ x1 + x7; x4 ~~ x7", 301)
add("holzinger", "reading", "x4 ~ ageyr + x7; x5 ~ ageyr + x4; x9 ~ x1 + x5", 301)
for (group in c("climatic", "microbial", "plant", "soil")) {
  add("study", group, sprintf("data/models/%s.lav", group), 30)
}
mobility <- c("education ~ father_education + father_job", "first_job ~ father_job + education")
job <- "job ~ father_job + education + first_job"
add("blau_duncan", "mobility", paste(c(mobility, job), collapse = "; "), 20700)
add("blau_duncan", "skipped", paste(c(mobility, "job ~ first_job"), collapse = "; "), 20700)
write.csv(do.call(rbind, cases), "tests/lavaan/cases.csv", row.names = FALSE)
