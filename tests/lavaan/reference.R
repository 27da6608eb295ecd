# Rscript tests/lavaan/reference.R [folder], from the project's root: reads cases.csv and data/*.csv
# in the folder (tests/lavaan, where data.R puts them) and writes beside them what lavaan 0.6-14
# says: estimates.csv, effects.csv, implied.csv and indices.csv, the reference of
# tests/test_pathmodel.py.
#
# - convention "amos" is likelihood = "wishart": chi2 and standard errors with N - 1. lavaan's S
#   then has the divisor N - 1; variances, covariances and rmr are brought to divisor N here. AIC
#   and BIC of AMOS are chi2 + 2 q and chi2 + q ln N; the log-likelihood is that of "normal".
# - fixed.x = FALSE, with every exogenous (co)variance spelled out ("~~ 0*" where exogenous
#   variables are uncorrelated). lavaan's baseline then lets no two variables correlate, as AMOS
#   has it.
# - lavaan() with auto.cov.y = FALSE: sem() joins the errors of outcomes that cause nothing, and
#   overrides auto.cov.y.
# - chi2, p, baseline, likelihood and number of parameters of convention "lavaan" with correlated
#   exogenous variables are those of lavaan's default, fixed.x = TRUE, from the text without
#   covariances of exogenous variables (a drawn one would make lavaan count its two as random).
#   gfi, agfi, rmr and srmr are always of fixed.x = FALSE.
# - lavaan finds no optimum, and cannot invert the information, where units of columns differ by
#   1e6. So it gets columns divided by a power of ten, and the results are brought back here.
# - lavaan stops at slopes of 1e-4 to 1e-9. Newton's steps with its own gradient and Hessian go on
#   until the decrement is below 1e-13. Recursive models are held against lm() here.
# - lavaan's standard errors of standardized results come from numerical derivatives and are good to
#   1e-8: they are computed from its vcov by complex steps here and held against lavaan's. So are
#   effects, from lavaan's estimates, against its := where the model is recursive and has at most 12
#   arrows.
# - lavaan's interval of RMSEA is good to 1e-4 only: the same equations are solved to 1e-13 here,
#   and held against lavaan's.
# - A loop has two solutions. Where cases.csv has a column "root", lavaan starts near the one with all
#   eigenvalues of B below 1 in modulus ("stable": slopes of each variable of the loop on its cause)
#   or near the other ("twin": 1 / slopes of each cause on what it acts on), and must end there.
# - The model as good as the data has no p, RMSEA, TLI or AGFI here; lavaan says 0 and 1.
suppressMessages(library(lavaan))
source("tests/lavaan/indices.R")
folder <- c(commandArgs(trailingOnly = TRUE), "tests/lavaan")[1]

draw <- function(text) {
  lines <- lavParseModelString(text, as.data.frame. = TRUE)
  inner <- unique(lines$lhs[lines$op == "~"])
  all <- unique(c(lines$rhs, lines$lhs))
  outer <- setdiff(all, inner)
  pairs <- if (length(outer) > 1) combn(outer, 2) else matrix("", 2, 0)
  drawn <- lines$op == "~~"
  known <- c(paste(lines$lhs, lines$rhs)[drawn], paste(lines$rhs, lines$lhs)[drawn])
  free <- !paste(pairs[1, ], pairs[2, ]) %in% known
  among <- drawn & lines$lhs %in% outer & lines$rhs %in% outer
  step <- matrix(0, length(all), length(all), dimnames = list(all, all))
  arrows <- lines[lines$op == "~", ]
  step[cbind(arrows$lhs, arrows$rhs)] <- 1
  walks <- Reduce(`%*%`, rep(list(step), length(all)), accumulate = TRUE)
  list(
    arrows = arrows, all = all, outer = outer, undrawn = pairs[, free, drop = FALSE],
    arrow_lines = with(arrows, paste(lhs, op, rhs)),
    error_lines = with(lines[drawn & !among, ], paste(lhs, op, rhs)),
    exogenous_lines = with(lines[among, ], paste(lhs, op, rhs)),
    reached = which(Reduce(`+`, walks) > 0, arr.ind = TRUE),
    loop = all[diag(Reduce(`+`, walks)) > 0],
    recursive = !any(walks[[length(all)]] > 0) && !any(drawn & !among)
  )
}
spread_lines <- function(drawing, exogenous) {
  sign <- if (exogenous == "correlated") "~~" else "~~ 0*"
  undrawn <- sprintf("%s %s %s", drawing$undrawn[1, ], sign, drawing$undrawn[2, ])
  variances <- paste(drawing$all, "~~", drawing$all)
  c(drawing$error_lines, drawing$exogenous_lines, undrawn, variances)
}
fit_lines <- function(lines, input, convention, ...) {
  lavaan(paste(lines, collapse = "\n"),
    data = input$data, sample.cov = input$matrix, sample.nobs = if (is.null(input$data)) input$n,
    likelihood = if (convention == "amos") "wishart" else "normal",
    auto.var = TRUE, auto.cov.y = FALSE, meanstructure = FALSE, ...
  )
}
start_near <- function(root, lines, input, convention, ...) {
  blank <- fit_lines(lines, input, convention, ..., do.fit = FALSE)
  S <- lavInspect(blank, "sampstat")$cov
  table <- parTable(blank)[c("lhs", "op", "rhs", "est")]
  for (row in which(table$op == "~")) {
    to <- table$lhs[row]
    from <- table$rhs[table$op == "~" & table$lhs == to]
    slopes <- solve(S[from, from], S[from, to])
    left <- S[to, to] - sum(slopes * S[from, to])
    if (root == "twin" && to %in% input$loop) {
      slopes <- S[to, to] / S[from, to]
      left <- (S[from, from] - S[from, to]^2 / S[to, to]) * slopes^2
    }
    table$est[row] <- slopes[match(table$rhs[row], from)]
    table$est[table$op == "~~" & table$lhs == to & table$rhs == to] <- left
  }
  fit_lines(lines, input, convention, ..., start = table)
}
solve_model <- function(lines, input, convention, ...) {
  now <- if (is.null(input$root)) {
    fit_lines(lines, input, convention, ...)
  } else {
    start_near(input$root, lines, input, convention, ...)
  }
  table <- parTable(now)[c("lhs", "op", "rhs", "est", "free")]
  free <- table$free > 0
  for (round in 1:20) {
    gradient <- lavInspect(now, "gradient")
    step <- solve(lavInspect(now, "hessian"), gradient)
    decrement <- sqrt(abs(sum(gradient * step)))
    if (decrement < 1e-13) break
    table$est[free] <- table$est[free] - step[table$free]
    now <- fit_lines(lines, input, convention, ...,
      start = table[1:4], optim.method = "none", se = "none", test = "none", baseline = FALSE
    )
  }
  stopifnot(decrement < 1e-12)
  end <- fit_lines(lines, input, convention, ..., start = table[1:4], optim.method = "none")
  if (!is.null(input$root)) {
    farthest <- max(Mod(eigen(lavInspect(end, "est")$beta, only.values = TRUE)$values))
    stopifnot((farthest < 1) == (input$root == "stable"), diag(lavInspect(end, "est")$psi) > 0)
  }
  end
}
standardize <- function(full, drawing) {
  all <- drawing$all
  unit <- diag(length(all))
  rows <- subset(parTable(full), free > 0)
  path <- rows$op == "~"
  place <- cbind(match(rows$lhs, all), match(rows$rhs, all))
  values <- function(theta) {
    B <- Psi <- matrix(0i, length(all), length(all))
    B[place[path, ]] <- theta[path]
    Psi[place[!path, ]] <- theta[!path]
    Psi[place[!path, 2:1]] <- theta[!path]
    A <- solve(unit - B)
    sd <- sqrt(diag(A %*% Psi %*% t(A)))
    from <- outer(sd, sd, function(to, from) from / to)
    total <- ((A - unit) * from)[drawing$reached]
    direct <- (B * from)[drawing$reached]
    # a covariance of errors becomes their correlation, a variance a share of its variable's
    own <- ifelse(place[, 1] == place[, 2], sd[place[, 1]]^2, apply(place, 1, function(pair) {
      sqrt(prod(diag(Psi)[pair]))
    }))
    std <- theta * ifelse(path, sd[place[, 2]] / sd[place[, 1]], 1 / own)
    c(std, direct, total - direct, total)
  }
  step <- 1e-30i
  J <- sapply(seq_along(path), function(k) Im(values(rows$est + step * (seq_along(path) == k))))
  J <- J / Im(step)
  V <- unclass(lavInspect(full, "vcov"))
  se <- sqrt(pmax(rowSums((J %*% V) * J), 0))
  value <- Re(values(rows$est + 0i))
  kind <- rep(c("std", "direct", "indirect", "total"), c(nrow(rows), rep(nrow(drawing$reached), 3)))
  std <- standardizedSolution(full)[parTable(full)$free > 0, ]
  stopifnot(
    max(abs(std$est.std - value[kind == "std"])) < 1e-12,
    max(abs(std$se - se[kind == "std"]) / pmax(std$se, 1)) < 1e-6
  )
  list(
    std = data.frame(standardized = value, standardized_se = se)[kind == "std", ],
    effects = data.frame(
      from = all[drawing$reached[, 2]], to = all[drawing$reached[, 1]],
      direct = value[kind == "direct"], direct_se = se[kind == "direct"],
      indirect = value[kind == "indirect"], indirect_se = se[kind == "indirect"],
      total = value[kind == "total"], total_se = se[kind == "total"]
    )
  )
}
check_defined <- function(drawing, exogenous, full, effects, input, convention) {
  arrows <- drawing$arrows
  label <- function(to, from) sprintf("%s_from_%s", to, from)
  chains <- function(to, from) {
    causes <- arrows$rhs[arrows$lhs == to]
    longer <- lapply(causes, function(cause) {
      before <- chains(cause, from)
      if (length(before)) paste0(before, "*", label(to, cause))
    })
    c(if (from %in% causes) label(to, from), unlist(longer))
  }
  sums <- mapply(function(...) paste(chains(...), collapse = " + "), effects$to, effects$from)
  lines <- c(
    with(arrows, sprintf("%s ~ %s*%s", lhs, label(lhs, rhs), rhs)),
    spread_lines(drawing, exogenous), sprintf("total_%d := %s", seq_along(sums), sums)
  )
  fit <- fit_lines(lines, input, convention,
    fixed.x = FALSE, start = parameterEstimates(full, se = FALSE), optim.method = "none"
  )
  defined <- subset(standardizedSolution(fit), op == ":=")
  stopifnot(
    max(abs(defined$est.std - effects$total)) < 1e-12,
    max(abs(defined$se - effects$total_se)) < 1e-6
  )
}
check_against_lm <- function(full, drawing, data) {
  paths <- parameterEstimates(full)
  for (to in unique(drawing$arrows$lhs)) {
    causes <- drawing$arrows$rhs[drawing$arrows$lhs == to]
    exact <- coef(lm(reformulate(causes, to), data))[causes]
    rows <- match(paste(to, causes), paste(paths$lhs, paths$rhs)[paths$op == "~"])
    ours <- paths$est[paths$op == "~"][rows]
    unit <- sapply(data[causes], sd) / sd(data[[to]])
    stopifnot(max(abs(ours - exact) * unit) < 1e-10)
  }
}
reference <- function(drawing, input, convention, exogenous) {
  spelled <- c(drawing$arrow_lines, spread_lines(drawing, exogenous))
  full <- solve_model(spelled, input, convention, fixed.x = FALSE)
  normal <- if (convention == "amos") solve_model(spelled, input, "lavaan", fixed.x = FALSE)
  default <- convention == "lavaan" && exogenous == "correlated"
  test <- if (default) {
    solve_model(c(drawing$arrow_lines, drawing$error_lines), input, convention, fixed.x = TRUE)
  } else {
    full
  }
  standard <- standardize(full, drawing)
  if (drawing$recursive && nrow(drawing$arrows) <= 12) {
    check_defined(drawing, exogenous, full, standard$effects, input, convention)
  }
  if (drawing$recursive && !is.null(input$data)) check_against_lm(full, drawing, input$data)
  rows <- parTable(full)$free > 0
  raw <- parameterEstimates(full)[rows, ]
  path <- raw$op == "~"
  divisor <- if (convention == "amos") (input$n - 1) / input$n else 1
  to <- input$unit[raw$lhs]
  from <- input$unit[raw$rhs]
  factor <- ifelse(path, to / from, divisor * to * from)
  moments <- divisor * fitted(full)$cov
  moments <- moments * outer(input$unit[rownames(moments)], input$unit[colnames(moments)])
  lower <- which(lower.tri(moments, diag = TRUE), arr.ind = TRUE)
  list(
    estimates = data.frame(
      to = raw$lhs, kind = ifelse(path, "path", "covariance"), from = raw$rhs,
      estimate = raw$est * factor, se = raw$se * factor, standard$std
    ),
    effects = standard$effects,
    implied = data.frame(
      to = rownames(moments)[lower[, 1]], from = colnames(moments)[lower[, 2]],
      value = moments[lower]
    ),
    indices = indices(full, test, normal, input, convention)
  )
}
read_input <- function(case, names) {
  data <- read.csv(file.path(folder, "data", paste0(case$data, ".csv")))
  if (nrow(data) == ncol(data)) {
    S <- as.matrix(`rownames<-`(data, names(data)))[names, names]
    # lavaan multiplies a matrix by (N - 1) / N unless the likelihood is Wishart's
    matrix <- S * case$n / (case$n - 1)
    return(list(matrix = matrix, n = case$n, unit = sapply(data, function(column) 1)))
  }
  unit <- 10^round(log10(sapply(data[names], sd)))
  list(data = sweep(data[names], 2, unit, "/"), n = case$n, unit = unit)
}

cases <- read.csv(file.path(folder, "cases.csv"))
tables <- list()
for (row in seq_len(nrow(cases))) {
  case <- cases[row, ]
  text <- case$model
  if (endsWith(text, ".lav")) text <- paste(readLines(text), collapse = "\n")
  drawing <- draw(text)
  input <- c(read_input(case, drawing$all), list(root = case$root, loop = drawing$loop))
  apart <- if (ncol(drawing$undrawn)) "uncorrelated"
  for (exogenous in c("correlated", apart)) for (convention in c("amos", "lavaan")) {
    about <- data.frame(data = case$data, structure = case$structure, convention, exogenous)
    results <- reference(drawing, input, convention, exogenous)
    for (name in names(results)) {
      part <- results[[name]]
      numbers <- sapply(part, is.numeric)
      part[numbers] <- lapply(part[numbers], signif, digits = 15)
      tables[[name]] <- rbind(tables[[name]], cbind(about, part, row.names = NULL))
    }
  }
}
options(digits = 15)
for (name in names(tables)) {
  path <- file.path(folder, paste0(name, ".csv"))
  write.csv(tables[[name]], path, row.names = FALSE, quote = FALSE)
}
