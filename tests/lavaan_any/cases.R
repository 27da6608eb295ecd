# Rscript tests/lavaan_any/cases.R, from the project's root: writes tests/lavaan_any/cases.csv,
# moments.csv (covariances with divisor N, lower triangles) and data/*.csv, which reference.R reads:
# models that general fitters break on.
#
# truth: lavaan's language with the numbers that data are made from; the model that is fitted is the
# same without the numbers, or what "model" says. Data are "exact" (the moments that the truth
# implies), "moments" (of n simulated rows) or "rows". Errors have a variance of 1, or what the truth
# says; the causes x, z, u, w of a truth that says nothing of them correlate by 0.3. Units of "wild"
# data differ by powers of ten. Published matrices: Duncan, Haller and Portes (1968), of Fox's
# package sem for R; Felson and Bohrnstedt (1979), of the AMOS manual's example 7; McDonald and
# Clelland (1984), of Bollen (1989).
set.seed(1921)
folder <- "tests/lavaan_any"
dir.create(file.path(folder, "data"), showWarnings = FALSE)
rows <- moments <- list()
fit <- function(name, n, model, exogenous = "correlated", data = name) {
  rows[[length(rows) + 1]] <<- data.frame(case = name, data, n, exogenous, model)
}
keep <- function(name, S) {
  lower <- which(lower.tri(S, diag = TRUE), arr.ind = TRUE)
  to <- rownames(S)[lower[, 1]]
  from <- rownames(S)[lower[, 2]]
  moments[[name]] <<- data.frame(data = name, to, from, value = signif(S[lower], 15))
}
add <- function(name, truth, n = 100, kind = "exact", model = gsub("-?[0-9.]+\\*", "", truth),
                exogenous = "correlated", unit = NULL) {
  lines <- lavaan::lavParseModelString(truth, as.data.frame. = TRUE)
  names <- sort(unique(c(lines$lhs, lines$rhs)))
  B <- matrix(0, length(names), length(names), dimnames = list(names, names))
  inner <- unique(lines$lhs[lines$op == "~"])
  Psi <- 0.3 * tcrossprod(!names %in% inner)
  dimnames(Psi) <- dimnames(B)
  diag(Psi) <- 1
  for (row in seq_len(nrow(lines))) {
    place <- cbind(lines$lhs[row], lines$rhs[row])
    value <- as.numeric(lines$fixed[row])
    if (lines$op[row] == "~") B[place] <- value else Psi[rbind(place, place[, 2:1])] <- value
  }
  A <- solve(diag(length(names)) - B)
  if (is.null(unit)) unit <- if (kind == "exact") 1 else 10^sample(rep_len(-2:3, length(names)))
  unit <- rep_len(unit, length(names))
  if (kind == "exact") {
    table <- A %*% Psi %*% t(A)
  } else {
    noise <- matrix(rnorm(n * length(names)), n) %*% chol(Psi)
    table <- noise %*% t(A)
    colnames(table) <- names
    if (kind == "moments") table <- cov(table) * (n - 1) / n
  }
  if (kind == "rows") {
    table <- signif(sweep(table, 2, unit, "*"), 6)
    path <- file.path(folder, "data", paste0(name, ".csv"))
    write.csv(table, path, row.names = FALSE, quote = FALSE)
  } else {
    keep(name, table * tcrossprod(unit))
  }
  fit(name, n, model, exogenous)
}
same <- 1 # for units that are all alike

# rings, with one to four outside causes; two loops that share a variable
add("ring3_one", "a ~ .5*c + .7*x; b ~ .6*a; c ~ .8*b")
add("ring3_two", "a ~ -.5*c + .7*x; b ~ .6*a + .5*z; c ~ .8*b", 100, "moments")
add("ring3_each", "a ~ .5*c + .7*x; b ~ .9*a + .5*z; c ~ -.8*b + .6*u", 100, "moments")
add("ring3_instruments", "a ~ .9*c + .7*x; b ~ .9*a + .5*z; c ~ .9*b; a ~~ .4*b", 150, "moments")
add("ring4_one", "b ~ .6*a + .4*x; c ~ .6*b; d ~ .6*c; a ~ .9*d")
add("ring4_one_rows", "b ~ .6*a + .4*x; c ~ .7*b; d ~ .6*c; a ~ .9*d", 80, "rows")
add("ring4_two", "b ~ .6*a + .8*x; c ~ -.6*b; d ~ .6*c + .5*z; a ~ .9*d", 100, "moments", exogenous = "both")
add("ring4_three", "b ~ 1.6*a + .8*x; c ~ .6*b + .7*u; d ~ .6*c + .5*z; a ~ .5*d", 100, "moments")
add("ring4_each", "b ~ .6*a + .8*x; c ~ .6*b + .7*u; d ~ .6*c + .5*z; a ~ .9*d + .4*w", 120, "moments")
add("loops_share", "a ~ .4*b + .3*c + .8*x; b ~ .6*a + .7*z; c ~ .5*a + .6*u", 120, "moments")
add("loops_share_exact", "a ~ .4*b + -.9*c + .8*x; b ~ .6*a + .7*z; c ~ 1.5*a + .6*u")
add("loops_nested", "a ~ .4*d + .8*x; b ~ .6*a + .5*c; c ~ .5*b + .6*z; d ~ .7*c + .5*u", 150, "moments")

# two solutions that fit equally well, with gains g and 1 / g
add("twins_ring3", "a ~ .8*c; b ~ .9*a; c ~ .7*b", 100, "moments")
add("twins_outcome", "a ~ .9*d; b ~ .8*a; c ~ .7*b; d ~ .9*c; e ~ .5*a + .4*c", 100, "rows")
add("pair_one_cause", "m ~ .6*y + .8*x; y ~ .5*m", 100, "moments")

# reciprocal pairs of gain g, with an instrument each, and with correlated errors and two each
for (g in c(0.3, -0.5, 0.9, 1.44, -2.5)) {
  name <- gsub("\\.", "_", sub("-", "minus", g))
  one <- sqrt(abs(g))
  causes <- sprintf("m ~ %s*y + .8*x; y ~ %s*m + .9*z", one, g / one)
  two <- sprintf("m ~ %s*y + .8*x + .5*u; y ~ %s*m + .9*z + .4*w; m ~~ .5*y", one, g / one)
  add(paste0("pair_", name), causes)
  add(paste0("pair_sample_", name), causes, 100, "moments")
  add(paste0("pair_errors_", name), two, 200, if (g == 0.3) "rows" else "moments")
}
add("pair_just", "m ~ .6*y + .8*x; y ~ .5*m + .9*z; m ~~ -.5*y", 60, "moments")
add("pair_outcome", "m ~ .6*y + .8*x; y ~ -.5*m + .9*z; m ~~ .4*y; o ~ .5*m + .5*y", 90, "moments")

# instruments: just identified and not, strong and weak, with causes that may correlate or not
add("iv_exact", "m ~ .5*x + .5*z; y ~ .5*m; m ~~ .6*y")
add("iv_just", "m ~ .7*z; y ~ .5*m; m ~~ .6*y", 100, "moments")
add("iv_controlled", "m ~ .7*z + .5*x; y ~ .5*m + -.6*x; m ~~ .6*y", 100, "moments", exogenous = "both")
add("iv_three", "m ~ .7*z + .5*x + -.4*u; y ~ .5*m; m ~~ -.6*y", 100, "rows", exogenous = "both")
add("iv_drawn", "m ~ .7*z + .5*x + -.4*u; y ~ .5*m; m ~~ -.6*y; z ~~ .4*x", 100, "moments", exogenous = "both")
add("iv_two_equations", "m ~ .7*z + .5*x; y ~ .5*m + .4*x; o ~ .6*y; m ~~ .5*y; y ~~ .4*o", 150, "moments")
for (k in 1:3) add(paste0("iv_weak_", k), "m ~ .15*z + .1*x; y ~ .5*m; m ~~ .6*y", 100, "moments")
add("iv_weak_exact", "m ~ .15*z; y ~ .5*m; m ~~ .6*y")

# correlated errors of outcomes and of neighbours, bow-free graphs
sur <- "p ~ .6*x + .5*z; q ~ -.4*z + .7*u"
add("sur_two", paste0(sur, "; p ~~ .5*q"), 50, "rows", exogenous = "both")
add("sur_default", paste0(sur, "; p ~~ .5*q"), 50, "moments", model = gsub("-?[0-9.]+\\*", "", sur))
add("sur_apart", paste0(sur, "; p ~~ .5*q"), 50, "moments", model = paste0(gsub("-?[0-9.]+\\*", "", sur), "; p ~~ 0*q"))
three <- paste0(sur, "; r ~ .5*x; p ~~ .5*q; q ~~ .4*r; p ~~ .3*r")
add("sur_three", three, 60, "moments")
add("sur_three_default", three, 60, "moments", model = "p ~ x + z; q ~ z + u; r ~ x")
add("sur_three_partly", three, 60, "moments", model = "p ~ x + z; q ~ z + u; r ~ x; q ~~ 0*r")
add("keeley", "m ~ .5*x; o ~ .5*m + .3*x; p ~ .6*m; q ~ .4*m + .3*z; p ~~ .3*q", 90, "rows")
add("outcome_zero_arrow", sur, 70, "moments", model = "p ~ x + z; q ~ z + u + 0*p")
add("errors_chain", "b ~ .6*a; c ~ .6*b; d ~ .6*c; b ~~ .4*d", 70, "moments")
add("errors_bow_free", "b ~ .6*a; c ~ .6*b; d ~ .6*c; e ~ .5*b; a ~~ .3*c; b ~~ .4*d; c ~~ -.4*e", 140, "moments")
add("errors_fork", "b ~ .6*a; c ~ .6*a; d ~ .5*b + .4*c; b ~~ .5*c", 70, "rows")

# equal coefficients, fixed values, defined effects
path <- "m ~ .5*x + .5*z; y ~ .5*m + .3*x"
add("equal_in_one", path, 80, "moments", model = "m ~ a*x + a*z; y ~ m + x", unit = same)
add("equal_across", path, 80, "rows", model = "m ~ a*x + z; y ~ a*m + c*x", unit = same)
add("equal_scaled", path, 80, "moments", model = "m ~ a*x + b*z; y ~ a*m + b*x", unit = c(5, 2, 10, .4))
add("equal_variances", path, 80, "moments", model = "m ~ x + z; y ~ m + x; m ~~ v*m; y ~~ v*y; x ~~ w*x; z ~~ w*z", unit = same)
add("equal_covariances", three, 80, "moments", model = "p ~ x + z; q ~ z + u; r ~ x; p ~~ k*q; q ~~ k*r; p ~~ r", unit = same)
add("equal_loop", "m ~ .5*y + .8*x; y ~ .5*m + .8*z", 100, "moments", model = "m ~ g*y + a*x; y ~ g*m + a*z; gain := g^2; far := a * g / (1 - g^2)", unit = same)
add("equal_pair_errors", "m ~ .5*y + .8*x; y ~ .4*m + .8*z; m ~~ .4*y", 100, "moments", model = "m ~ y + a*x; y ~ m + a*z; m ~~ y", unit = same)
add("fixed_path", path, 80, "moments", model = "m ~ 0.4*x + z; y ~ m + -0.2*x", unit = same)
add("fixed_loop", "m ~ .5*y + .8*x; y ~ .4*m + .8*z", 100, "moments", model = "m ~ 0.6*y + x; y ~ m + z", unit = same)
add("fixed_variances", path, 80, "moments", model = "m ~ x + z; y ~ m; y ~~ 1*y; x ~~ 1.2*x", unit = same)
add("fixed_covariance", sur, 80, "moments", model = "p ~ x + z; q ~ z + u; p ~~ 0.25*q; x ~~ 0*u", unit = same)
add("fixed_zero", path, 80, "moments", model = "m ~ x + z; y ~ m + x + 0*z; m ~~ 0*y")
effects <- paste(
  "m ~ a*x + z; y ~ b*m + c*x; y ~~ v*y; indirect := a*b; total := c + a*b;",
  "share := indirect / total; difference := a - b; steep := exp(a) - log(v)/2 + sqrt(v)"
)
add("defined", path, 80, "rows", model = effects, unit = same)
add("defined_units", path, 80, "moments", model = effects, unit = c(5, 2, 4, 10))
add("defined_equal", path, 80, "moments", model = "m ~ a*x + b*z; y ~ a*m + c*x; square := a^2; ratio := b/c; both := square - -a*(ratio + 1)", unit = same)

# published
lower <- function(text, names, sds = NULL, diagonal = FALSE) {
  lavaan::getCov(text, names = names, sds = sds, diagonal = diagonal)
}
keep("peers", lower(
  ".3269 .4105 .2903 .3240 .3054 .2220 .2930 .4105 .1861 .2707 .2995 .5191 .3355 .2302 .2950",
  c("ROccAsp", "FOccAsp", "RIQ", "RSES", "FSES", "FIQ")
))
pair <- "ROccAsp ~ RIQ + RSES + FOccAsp; FOccAsp ~ FIQ + FSES + ROccAsp; ROccAsp ~~ FOccAsp"
fit("peers", 329, pair)
alike <- paste(
  "ROccAsp ~ a*RIQ + b*RSES + g*FOccAsp; FOccAsp ~ a*FIQ + b*FSES + g*ROccAsp;",
  "ROccAsp ~~ FOccAsp; gain := g^2"
)
fit("peers_alike", 329, alike, data = "peers")
keep("girls", lower(
  ".50 .49 .32 .10 -.03 .18 .04 -.16 -.10 .34 .09 .43 .15 -.16 -.27",
  c("academic", "attract", "gpa", "height", "weight", "rating"),
  c(.16, .49, 3.49, 2.91, 19.32, 1.01)
))
seen <- "academic ~ gpa + attract; attract ~ height + weight + rating + academic; academic ~~ attract"
fit("girls", 209, seen)
keep("union", lower(
  paste(
    "14.610 -5.250 11.017 -8.057 11.087 31.971 -0.482 0.677 1.559 1.021",
    "-18.857 17.861 28.250 7.139 215.662"
  ),
  c("deferenc", "laboract", "unionsen", "yrsmill", "age"), diagonal = TRUE
))
sentiment <- "deferenc ~ age; laboract ~ age + deferenc; unionsen ~ yrsmill + deferenc + laboract"
fit("union", 173, sentiment, "both")
write.csv(do.call(rbind, moments), file.path(folder, "moments.csv"), row.names = FALSE, quote = FALSE)
write.csv(do.call(rbind, rows), file.path(folder, "cases.csv"), row.names = FALSE)
