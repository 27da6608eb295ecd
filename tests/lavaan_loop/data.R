# Rscript tests/lavaan_loop/data.R, from the project's root: writes tests/lavaan_loop/data/*.csv and
# cases.csv, which tests/lavaan/reference.R reads (Rscript tests/lavaan/reference.R
# tests/lavaan_loop) and tests/test_loop.py holds helpers.pathmodel.loop against.
# Simulated loops of known gain; the study (columns of tests/lavaan/data/study.csv); and the
# correlations that the loop of the paper's Fig. 4c implies, two of them moved, as if of 44 rows.
# As in lavaan, ";" in a model ends a line. Each model is fitted at both of its solutions: "root".
set.seed(1983)
ring <- function(names) paste(paste(names, "~", c(tail(names, 1), head(names, -1))), collapse = "; ")
names_of <- function(p) letters[seq_len(p)]
cases <- list()
add <- function(data, structure, model, n) {
  cases[[length(cases) + 1]] <<- data.frame(
    data,
    structure = paste0(structure, c("", "_twin")), model, n, root = c("stable", "twin")
  )
}
save <- function(table, name) {
  path <- sprintf("tests/lavaan_loop/data/%s.csv", name)
  write.csv(table, path, row.names = FALSE, quote = FALSE)
}
simulate <- function(p, gain, n, shape, unit, tail) {
  B <- matrix(0, p + tail, p + tail)
  B[cbind(c(2:p, 1), 1:p)] <- abs(gain)^(1 / p)
  B[1, p] <- B[1, p] * sign(gain)
  for (k in seq_len(tail)) B[p + k, c(1, p + k - 1)] <- c(0.4, 0.6)
  noise <- if (shape == "normal") rnorm(n * ncol(B)) else rexp(n * ncol(B))^1.3
  x <- matrix(noise, n) %*% t(solve(diag(ncol(B)) - B))
  if (unit == "wild") x <- x %*% diag(10^sample(rep(-3:3, length.out = ncol(B))))
  if (unit == "scaled") x <- apply(x, 2, function(v) (v - min(v)) / diff(range(v)))
  signif(as.data.frame(`colnames<-`(x, names_of(ncol(B)))), 6)
}
simulated <- list( # name, variables in the loop, gain, n, shape, units, variables that follow
  list("weak", 4, 0.05, 60, "normal", "one", 0),
  list("middle", 4, 0.4, 44, "normal", "scaled", 0),
  list("strong", 4, 0.8, 100, "skewed", "one", 0),
  list("negative", 4, -0.3, 200, "normal", "one", 0),
  list("wild", 4, 0.4, 50, "skewed", "wild", 0),
  list("three", 3, 0.2, 80, "normal", "wild", 0),
  list("five", 5, 0.3, 90, "skewed", "scaled", 0),
  list("followed", 4, 0.3, 70, "normal", "wild", 2)
)
for (set in simulated) {
  save(do.call(simulate, set[-1]), set[[1]])
  last <- c("", "; e ~ a + d; f ~ a + e")[1 + (set[[7]] > 0)]
  add(set[[1]], "loop", paste0(ring(names_of(set[[2]])), last), set[[4]])
}
save(read.csv("tests/lavaan/data/study.csv")[c("TF", "EVI", "SOC", "Cenzy", "TOP")], "study")
for (name in c("loop", "loop_top_all", "loop_top_two", "loop_top_inside")) {
  add("study", name, sprintf("data/models/%s.lav", name), 30)
}
B <- matrix(0, 4, 4)
B[cbind(c(2:4, 1), 1:4)] <- c(0.99, 0.73, 0.75, 0.75)
A <- solve(diag(4) - B)
R <- A %*% diag(solve(A^2, rep(1, 4))) %*% t(A)
R[1, 3] <- R[3, 1] <- R[1, 3] + 0.002
R[2, 4] <- R[4, 2] <- R[2, 4] - 0.003
save(signif(as.data.frame(`colnames<-`(R, names_of(4))), 10), "published")
add("published", "loop", ring(names_of(4)), 44)
write.csv(do.call(rbind, cases), "tests/lavaan_loop/cases.csv", row.names = FALSE)
